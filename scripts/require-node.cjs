// Every npm script that runs TypeScript preloads this file. It is plain CommonJS, so that an older Node can read it
// too.
const REQUIRED_MAJOR = 24;

if (Number.parseInt(process.versions.node, 10) < REQUIRED_MAJOR) {
  console.error(
    `ownline's scripts need Node ${REQUIRED_MAJOR}, which \`npm ci\` installs beside the tools, but this is Node ${process.versions.node}: run \`npm ci\` without --ignore-scripts and try again.`,
  );
  process.exit(1);
}
