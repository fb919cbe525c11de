// The part of wit/ that this guest uses, as componentize-qjs presents it: records with camelCase keys, variants as
// { tag, val }, options as null, the error case of a result thrown. u64 and s64 are plain numbers, exact to 2^53.

declare module "oarlock:reconcile/types@0.1.0" {
  export interface ObjectRef {
    apiVersion: string;
    kind: string;
    namespace: string | null;
    name: string;
  }

  export interface Request {
    object: string;
    settings: string;
    now: number;
    seed: number;
    attempt: number;
    deleting: boolean;
    last: Report | null;
  }

  export interface Report {
    tag: string;
    generation: number;
    module: string;
    writes: { target: ObjectRef; status: { tag: string; val?: unknown } }[];
    removals: { target: ObjectRef; status: { tag: string; val?: unknown } }[];
  }

  export interface Child {
    object: string;
    owner: "owned" | "unowned";
    write: "apply" | "create" | "recreate" | "share" | "compare";
    expect:
      | { tag: "any" }
      | { tag: "absent" }
      | { tag: "uid"; val: string }
      | { tag: "version"; val: string };
    force: boolean;
    manager: string | null;
    ignore: string[];
    onLeave: { tag: "delete" } | { tag: "keep" } | { tag: "restore"; val: string };
  }

  export interface Condition {
    kind: string;
    status: "yes" | "no" | "unknown";
    reason: string;
    message: string;
  }

  export interface Event {
    key: string;
    warning: boolean;
    reason: string;
    message: string;
    about: ObjectRef | null;
  }

  export interface Removal {
    target: ObjectRef;
    uid: string | null;
    propagation: "background" | "foreground" | "orphan";
  }

  export interface Notice {
    key: string;
    url: string;
    headers: [string, string][];
    body: string;
  }

  export interface Outcome {
    tag: string;
    children: { tag: "keep" } | { tag: "exactly"; val: Child[] };
    removals: Removal[];
    status: string | null;
    conditions: Condition[];
    events: Event[];
    notify: Notice[];
    requeue:
      | { tag: "on-change" }
      | { tag: "once-written" }
      | { tag: "after"; val: number }
      | { tag: "at"; val: number };
    finalized: boolean;
    actAs: string | null;
  }

  export interface FieldError {
    path: string;
    message: string;
  }

  export type Failure =
    | { tag: "retry"; val: string }
    | { tag: "retry-after"; val: [number, string] }
    | { tag: "terminal"; val: string }
    | { tag: "invalid"; val: FieldError[] };

  export interface Grant {
    apiGroup: string;
    plural: string;
    verbs: string[];
  }

  export interface Manifest {
    name: string;
    version: string;
    crds: string[];
    finalizer: string | null;
    writes: Grant[];
    reads: Grant[];
    http: string[];
  }
}

declare module "oarlock:reconcile/cluster@0.1.0" {
  import type { ObjectRef } from "oarlock:reconcile/types@0.1.0";

  export type ReadError =
    | { tag: "denied"; val: string }
    | { tag: "unknown-kind"; val: string }
    | { tag: "unavailable"; val: string };

  /** Throws a ReadError. */
  export function get(target: ObjectRef, actAs: string | null): string | null;
  /** Throws a ReadError. */
  export function children(): string[];
}

declare module "oarlock:reconcile/log@0.1.0" {
  export type Level = "trace" | "debug" | "info" | "warn" | "error";
  export function write(level: Level, message: string, fields: [string, string][]): void;
}
