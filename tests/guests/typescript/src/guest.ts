import { children, get, type ReadError } from "oarlock:reconcile/cluster@0.1.0";
import { write as log } from "oarlock:reconcile/log@0.1.0";
import type {
  Child,
  Failure,
  FieldError,
  Manifest,
  Outcome,
  Request,
} from "oarlock:reconcile/types@0.1.0";
import crd from "../../greeting-crd.json";

interface Greeting {
  metadata: { name: string; namespace: string; generation?: number };
  spec?: { secretName?: string; message?: string };
}

interface Secret {
  data?: Record<string, string>;
}

/** An outcome without opinions; what a branch has to say is laid over it. */
const SILENT: Outcome = {
  tag: "",
  children: { tag: "keep" },
  removals: [],
  status: null,
  conditions: [],
  events: [],
  notify: [],
  requeue: { tag: "on-change" },
  finalized: false,
  actAs: null,
};

/** Runs a read; its error becomes the failure of the whole run. */
function read<T>(run: () => T): T {
  try {
    return run();
  } catch (thrown) {
    throw failureOf(readErrorOf(thrown));
  }
}

/** The binding may throw the payload itself or an Error that carries it; anything else is a fault of the guest. */
function readErrorOf(thrown: unknown): ReadError {
  const candidate = (thrown as { payload?: unknown } | null)?.payload ?? thrown;
  if (typeof candidate === "object" && candidate !== null && "tag" in candidate) {
    return candidate as ReadError;
  }
  throw thrown;
}

function failureOf(error: ReadError): Failure {
  switch (error.tag) {
    case "denied":
      return { tag: "terminal", val: `read denied: ${error.val}` };
    case "unknown-kind":
      return { tag: "retry", val: `kind not served: ${error.val}` };
    case "unavailable":
      return { tag: "retry", val: `read unavailable: ${error.val}` };
  }
}

function remove(): Outcome {
  const left = read(() => children());
  return {
    ...SILENT,
    tag: "removing",
    children: { tag: "exactly", val: [] },
    finalized: left.length === 0,
  };
}

function greet(request: Request, greeting: Greeting): Outcome {
  const { name, namespace, generation = 0 } = greeting.metadata;
  const { secretName = "", message = "" } = greeting.spec ?? {};

  const wrong: FieldError[] = [];
  if (message === "") wrong.push({ path: "spec.message", message: "must not be empty" });
  if (secretName === "") wrong.push({ path: "spec.secretName", message: "must not be empty" });
  if (wrong.length > 0) throw { tag: "invalid", val: wrong } satisfies Failure;

  const target = { apiVersion: "v1", kind: "Secret", namespace, name: secretName };
  const found = read(() => get(target, null));
  if (found === null || found === undefined) {
    return {
      ...SILENT,
      tag: "waiting",
      conditions: [
        {
          kind: "Ready",
          status: "no",
          reason: "SecretMissing",
          message: `secret ${secretName} not found`,
        },
      ],
    };
  }

  const secret = JSON.parse(found) as Secret;
  const child: Child = {
    object: JSON.stringify({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `${name}-greeting`, namespace },
      data: { message, "token-length": String((secret.data?.token ?? "").length) },
    }),
    owner: "owned",
    write: "apply",
    expect: { tag: "any" },
    force: false,
    manager: null,
    ignore: [],
    onLeave: { tag: "delete" },
  };
  return {
    ...SILENT,
    tag: "greeted",
    children: { tag: "exactly", val: [child] },
    status: JSON.stringify({ greeted: true, at: rfc3339(request.now) }),
    conditions: [{ kind: "Ready", status: "yes", reason: "Greeted", message: `greeted ${name}` }],
    events: [
      {
        key: `greeted-${generation}`,
        warning: false,
        reason: "Greeted",
        message: `greeted ${name}`,
        about: null,
      },
    ],
    requeue: { tag: "after", val: 60_000 },
  };
}

/** Whole seconds, in UTC. */
function rfc3339(millis: number): string {
  return new Date(millis).toISOString().replace(/\.\d+Z$/, "Z");
}

export const module = {
  describe(): Manifest {
    return {
      name: "guest-typescript",
      version: "0.1.0",
      crds: [JSON.stringify(crd)],
      finalizer: "guests.oarlock.dev/cleanup",
      writes: [{ apiGroup: "", plural: "configmaps", verbs: [] }],
      reads: [{ apiGroup: "", plural: "secrets", verbs: [] }],
      http: [],
    };
  },

  reconcile(request: Request): Outcome {
    const greeting = JSON.parse(request.object) as Greeting;
    log("info", "reconciling", [["name", greeting.metadata.name]]);
    return request.deleting ? remove() : greet(request, greeting);
  },
};
