import { fork } from "node:child_process";

/** A process of a measurement. It executes commands, one after the other. */
export interface Program<Command, Answer> {
  /** Rejects with the program's error, or where the process has ended. */
  ask(command: Command): Promise<Answer>;
  /** Lets the program close its resources. */
  stop(): Promise<void>;
}

/** What a program does in its process. */
export interface Served<Command, Answer> {
  handle(command: Command): Promise<Answer> | Answer;
  close(): Promise<void>;
}

interface Question<Command> {
  /** `null` closes the program. */
  readonly command: Command | null;
}

interface Reply<Answer> {
  /** `null` where the program has become ready. */
  readonly answer: Answer | null;
  readonly error: string | null;
}

/**
 * How long a program may take to close before it is killed. A service needs up to 10 s to end its work. A process that
 * is killed in a transaction may leave its locks on the server.
 */
const CLOSING_MS = 30_000;
/** How long a program may take to become ready, or to answer. */
const LONGEST_MS = 180_000;

/**
 * Starts a program and resolves once it is ready.
 *
 * @param task the argument of the program's `serve()`, as JSON
 * @param flags for Node, such as `--expose-gc`
 */
export async function startProgram<Command extends object, Answer>(
  file: string,
  task: unknown,
  flags: readonly string[] = [],
): Promise<Program<Command, Answer>> {
  const child = fork(file, [JSON.stringify(task)], {
    execArgv: [...flags],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const waiting: ((reply: Reply<Answer>) => void)[] = [];
  const next = () => new Promise<Reply<Answer>>((resolve) => waiting.push(resolve));
  const answerOf = ({ answer, error }: Reply<Answer>): Answer | null => {
    if (error !== null) throw new Error(error);
    return answer;
  };
  child.on("message", (reply: Reply<Answer>) => waiting.shift()?.(reply));
  const ended = new Promise<void>((resolve) => {
    child.once("exit", (code, signal) => {
      for (const done of waiting.splice(0)) done({ answer: null, error: `${file} ended with ${signal ?? code}` });
      resolve();
    });
  });
  // If the process ends meanwhile, its exit answers all open commands.
  child.on("error", (error) => console.error(`${file}: ${error.message}`));
  const answered = async (reply: Promise<Reply<Answer>>): Promise<Answer | null> => {
    const late = setTimeout(() => {
      console.error(`${file} did not answer for ${LONGEST_MS / 1000} s, and is killed.`);
      child.kill("SIGKILL");
    }, LONGEST_MS);
    try {
      return answerOf(await reply);
    } finally {
      clearTimeout(late);
    }
  };
  await answered(next());
  const send = (question: Question<Command>) => child.send(question);
  const isAlive = () => child.connected && child.exitCode === null && child.signalCode === null;
  return {
    async ask(command) {
      if (!isAlive()) throw new Error(`${file} has ended`);
      const reply = next();
      send({ command });
      const answer = await answered(reply);
      if (answer === null) throw new Error(`${file} answered nothing`);
      return answer;
    },
    async stop() {
      if (!isAlive()) return ended;
      const late = setTimeout(() => {
        console.error(`${file} did not close within ${CLOSING_MS / 1000} s, and is killed.`);
        child.kill("SIGKILL");
      }, CLOSING_MS);
      send({ command: null });
      await ended;
      clearTimeout(late);
    },
  };
}

/** In a program: opens the task, reports that it is ready, and then answers each command. */
export async function serve<Task, Command extends object, Answer>(
  open: (task: Task) => Promise<Served<Command, Answer>>,
): Promise<void> {
  const say = (reply: Reply<Answer>) => process.send?.(reply);
  const failed = (error: unknown) => {
    say({ answer: null, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  };
  try {
    const served = await open(JSON.parse(process.argv[2] ?? "null"));
    const answer = async (command: Command | null) => {
      if (command !== null) return say({ answer: await served.handle(command), error: null });
      await served.close();
      return process.exit(0);
    };
    process.on("message", ({ command }: Question<Command>) => void answer(command).catch(failed));
    say({ answer: null, error: null });
  } catch (error) {
    failed(error);
  }
}

/** The processor time of this process since `before`, user and system, in milliseconds. */
export function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
