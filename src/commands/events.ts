// What the commands tell while they work, as values: the documented events of `--json` (FET-97), and
// `reading`, `progress`, `hashing` and `packing`, which only move a bar.
// How an event looks on a terminal, in the journal or as JSON is the business of cli/.

/** What an image comes by: itself, as a zstd frame, or as one or more patches of another image. */
export type Carrier = "image" | "zst" | "patch";

/** Something that happened to one config (fetch) or origin (store). Sizes and offsets are bytes. */
export type Event = { readonly config?: string } & (
  | { readonly event: "waiting"; readonly directory: string }
  | { readonly event: "warning"; readonly message: string }
  | {
      readonly event: "retry";
      readonly url: string;
      readonly reason: string;
      readonly delayMs: number;
    }
  | {
      readonly event: "manifest";
      /** `local`: the origin's could not be had, and the one that is there counts (FET-24). */
      readonly state: "unchanged" | "updated" | "new" | "local";
      readonly versions: number;
      /** Of its bytes, in hexadecimal. */
      readonly sha256: string;
      /** The public key. */
      readonly signedBy: string;
    }
  | {
      /** The next version that is taken, once it is old enough (ACT-69). */
      readonly event: "too-young";
      readonly version: string;
      /** Seconds since the epoch. */
      readonly at: number;
    }
  | {
      /** A whole image is being read, and that takes long (FET-110). */
      readonly event: "verifying";
      readonly version: string;
      readonly size: number;
    }
  | { readonly event: "damaged"; readonly version: string; readonly path: string }
  | { readonly event: "gone"; readonly version: string; readonly url: string }
  | {
      readonly event: "download";
      readonly version: string;
      readonly url: string;
      /** Of the image. */
      readonly size: number;
      /** In the file that travels, of which there is so much already. */
      readonly offset: number;
      /** What travels, and its bytes: the image itself, or what it is made from. */
      readonly by: Carrier;
      readonly bytes: number;
      /** Of how many patches, one after the other, it is which one, from 1. */
      readonly patch?: number;
      readonly patches?: number;
    }
  | { readonly event: "reading"; readonly version: string; readonly size: number }
  | {
      /** What travelled is becoming an image, of so many bytes. */
      readonly event: "unpacking";
      readonly version: string;
      readonly size: number;
    }
  | {
      readonly event: "progress";
      readonly version: string;
      readonly size: number;
      readonly done: number;
    }
  | {
      readonly event: "downloaded";
      readonly version: string;
      readonly sha256: string;
      /** Of the image. */
      readonly size: number;
      readonly by: Carrier;
      /** The bytes that travelled for it in this run. */
      readonly received: number;
    }
  | {
      readonly event: "activated";
      readonly version: string;
      readonly sha256: string;
      /** What `latest` named before. */
      readonly previous: string | undefined;
    }
  | {
      /** A slot has taken over (ACT-105). */
      readonly event: "switched";
      readonly slot: string;
      readonly unit: string;
    }
  | { readonly event: "restarted"; readonly units: readonly string[] }
  | {
      /** A unit is left alone (ACT-3, ACT-5). */
      readonly event: "skipped";
      readonly unit: string;
      readonly reason: "stopped" | "masked";
    }
  | {
      /** A restart takes its time; it is waited for until this limit (ACT-17). */
      readonly event: "starting";
      readonly units: readonly string[];
      readonly limitMs: number;
    }
  | {
      readonly event: "watching";
      /** With the checks. */
      readonly units: readonly string[];
      readonly seconds: number;
    }
  | {
      readonly event: "unhealthy";
      readonly unit: string;
      /** What is wrong with it, in words. */
      readonly what: string;
      /** systemd's words for it: Result, ExecMainStatus and NRestarts. */
      readonly result: string | undefined;
      readonly status: string | undefined;
      readonly restarts: number | undefined;
      /** The last line that it logged; may be empty. */
      readonly log: string;
    }
  | {
      readonly event: "rolled-back";
      /** In use again. */
      readonly version: string;
      readonly sha256: string;
      /** The version that did not work, and what was wrong. */
      readonly refused: string;
      readonly reason: string;
    }
  | { readonly event: "started"; readonly units: readonly string[] }
  | {
      /** A file of the store is gone that nothing needs (PRU-1). */
      readonly event: "removed";
      readonly what: "image" | "partial";
      /** Absent if the manifest lists it in none. */
      readonly version: string | undefined;
      readonly sha256: string;
      readonly size: number;
    }
  | {
      /** What a run would do that is only planned; `what` is a version, or units. */
      readonly event: "would";
      readonly action: "hold" | "activate" | "restart";
      readonly what: string;
    }
  | {
      readonly event: "would";
      readonly action: "download";
      /** A version. */
      readonly what: string;
      /** Of its image. */
      readonly size: number;
      /** The bytes that travel at most. */
      readonly missing: number;
      readonly by: Carrier;
      /** Whether they may be fewer: packed files are asked for then. */
      readonly mayBeLess: boolean;
    }
  | {
      /** An image that is here already is being read. */
      readonly event: "hashing";
      /** Absent for an image that the manifest does not list. */
      readonly version: string | undefined;
      readonly sha256: string;
      readonly size: number;
      readonly done: number;
    }
  | {
      /** A packed file is being made; `done` and `size` are of the image that it is for. */
      readonly event: "packing";
      readonly what: "zst" | "patch";
      /** Of the file. */
      readonly name: string;
      readonly version: string;
      /** From which version a patch leads. */
      readonly from?: string;
      readonly size: number;
      readonly done: number;
    }
  | {
      /** A packed file was made (PCK-72). */
      readonly event: "packed";
      readonly what: "zst" | "patch";
      readonly version: string;
      readonly sha256: string;
      readonly from?: string;
      readonly fromSha256?: string;
      /** Of the file. */
      readonly size: number;
      /** Whether it saves enough to be there. */
      readonly isKept: boolean;
    }
  | {
      /** An image was looked at (VFY-13). */
      readonly event: "image";
      readonly version: string | undefined;
      /** Its name, which its bytes need not have. */
      readonly sha256: string;
      readonly path: string;
      readonly size: number;
      /** `exposed`: its owner, or its mode, lets others change it. `linked`: it has another name. */
      readonly state: "whole" | "damaged" | "exposed" | "linked" | "missing" | "unreadable";
    }
  | { readonly event: "serving"; readonly url: string; readonly directory: string }
  | {
      /** A request to the origin that `tako serve` is. */
      readonly event: "request";
      readonly method: string;
      readonly path: string;
      readonly status: number;
      /** Of the body of the answer. */
      readonly bytes: number;
      /** As the answer names it, such as `0-9/100`. */
      readonly range: string | undefined;
    }
);

/** Where commands tell their events. `progress` and `hashing` come often; the rest are worth a line each. */
export type Report = (event: Event) => void;
