import { OwnlineError } from "../../errors.ts";
import { partIdOf } from "../../model/ids.ts";
import type { Media } from "../../model/message.ts";
import { wellFormed, wellFormedMedia } from "../../model/well-formed.ts";
import { countSegments, splitText } from "../../segments/segments.ts";
import type { PartRecord } from "../../storage/storage.ts";
import type { EngineContext } from "../support/context.ts";

/**
 * Cuts a text into the parts that the provider takes. Only the white space at the cuts is lost. Media go with the first
 * part. Each part is well-formed, so that the ledger holds what the provider gets.
 *
 * @throws OwnlineError `invalid_message` when there is no text and no media, or more media than the provider takes
 */
export function compose(
  { transport, sending }: Pick<EngineContext, "transport" | "sending">,
  groupId: string,
  body: string,
  media: readonly Media[] = [],
): readonly PartRecord[] {
  const { maxBodyLength, maxMedia } = transport.capabilities;
  if (media.length > maxMedia) {
    throw new OwnlineError(
      "invalid_message",
      `a message takes at most ${maxMedia} media with ${transport.name}, and this one has ${media.length}: send fewer`,
    );
  }
  if (body.trim() === "" && media.length === 0) {
    throw new OwnlineError("invalid_message", "the message is empty: give it a body or media");
  }
  const texts =
    body.trim() === ""
      ? [""]
      : splitText(wellFormed(body), {
          maxLength: maxBodyLength,
          ...(sending.maxSegments === null ? {} : { maxSegments: sending.maxSegments }),
        });
  return texts.map((text, index) => {
    const { encoding, segments } = countSegments(text);
    return {
      id: partIdOf(groupId, index + 1),
      body: text,
      media: index === 0 ? wellFormedMedia(media) : [],
      encoding,
      segments,
    };
  });
}
