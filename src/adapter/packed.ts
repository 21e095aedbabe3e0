// The operations of packed files (spec/packed.md). Their bytes are streams, which the public library, that runs anywhere,
// does not have.

import { cheapestWay, type Way } from "../core/packed/cheapest-way.ts";
import { type PackedList, type PatchLine, parsePackedList } from "../core/packed/packed-list.ts";
import { applyPatch } from "../shell/packed/apply-patch.ts";
import { unpackImage } from "../shell/packed/zstd.ts";
import {
  type Arguments,
  badRequest,
  bytes,
  digest,
  isObject,
  list,
  number,
  numbers,
  type Operation,
} from "./arguments.ts";

export const packedOperations: Readonly<Record<string, Operation>> = {
  "parse-packed": (args) => {
    const { zst, patches } = parsePackedList(bytes(args, "list"));
    return { ...(zst === undefined ? {} : { zst }), patches };
  },

  unpack: async (args) =>
    await whole(unpackImage(chunkOf(bytes(args, "frame")), number(args["size"]))),

  "apply-patch": async (args) => {
    const old = bytes(args, "old");
    const read = (place: number, into: Uint8Array) =>
      into.set(old.subarray(place, place + into.length));
    const image = { size: old.length, read };
    return await whole(applyPatch(chunkOf(bytes(args, "patch")), image, number(args["size"])));
  },

  "cheapest-way": (args) => {
    const wanted = digest(args["wanted"]);
    const sizes = new Map(numbers(args, "sizes").map(([name, size]) => [digest(name), size]));
    const size = sizes.get(wanted);
    if (size === undefined) throw badRequest("expected the size of the wanted image");
    const here = {
      images: new Set(list(args, "here").map(digest)),
      partial: number(args["partial"]),
      parts: new Map(numbers(args, "parts")),
    };
    return wayOf(cheapestWay({ digest: wanted, size }, listOf(args["list"]), here, sizes));
  },
};

async function* chunkOf(all: Uint8Array): AsyncGenerator<Uint8Array> {
  yield all;
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const copies: Uint8Array[] = [];
  for await (const chunk of chunks) copies.push(chunk.slice());
  return Buffer.concat(copies).toBase64();
}

function listOf(value: unknown): PackedList | undefined {
  if (value === null) return undefined;
  if (!isObject(value)) throw badRequest("expected a list of packed files");
  const { zst } = value;
  return {
    zst: zst === undefined ? undefined : number(zst),
    patches: list(value, "patches").map(patchOf),
  };
}

function patchOf(value: unknown): PatchLine {
  const line: Arguments = isObject(value) ? value : {};
  return { old: digest(line["old"]), new: digest(line["new"]), size: number(line["size"]) };
}

function wayOf(way: Way) {
  const { by, missing } = way;
  return by === "patches" ? { by, missing, from: way.from, patches: way.patches } : { by, missing };
}
