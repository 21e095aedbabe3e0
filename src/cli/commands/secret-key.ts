// The options of the commands that take the publisher's secret key (PUB-1).

export const SECRET_KEY = {
  key: {
    type: "string",
    alias: "k",
    valueHint: "key",
    description: "The secret key; other users here can see it",
  },
  "key-file": {
    type: "string",
    alias: "f",
    valueHint: "file",
    description: "A file with it (secret.key); or TAKO_SECRET_KEY",
  },
} as const;

/** What of them is given. */
export function givenKey(args: {
  readonly key?: string | undefined;
  readonly "key-file"?: string | undefined;
}): { readonly key?: string; readonly keyFile?: string } {
  return {
    ...(args.key === undefined ? {} : { key: args.key }),
    ...(args["key-file"] === undefined ? {} : { keyFile: args["key-file"] }),
  };
}
