"""The greeting reconciler in Python. componentize-py takes this file as the application named `guest`."""

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, TypeVar

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import module
from wit_world.imports import cluster, log, types

T = TypeVar("T")


def shared_file(name: str) -> str:
    """Reads a file from the search path. Runs while the component is built; at run time there are no files."""
    for folder in sys.path:
        path = Path(folder) / name
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"{name}: in none of {sys.path}; hint: put it beside guest.py")


CRD = json.dumps(json.loads(shared_file("greeting-crd.json")))


def read(run: Callable[[], T]) -> T:
    """Runs a read; its error becomes the failure of the whole run."""
    try:
        return run()
    except Err as error:
        raise Err(failure_of(error.value)) from None


def failure_of(error: cluster.ReadError) -> types.Failure:
    match error:
        case cluster.ReadError_Denied(text):
            return types.Failure_Terminal(f"read denied: {text}")
        case cluster.ReadError_UnknownKind(text):
            return types.Failure_Retry(f"kind not served: {text}")
        case cluster.ReadError_Unavailable(text):
            return types.Failure_Retry(f"read unavailable: {text}")


def outcome(tag: str, **said: Any) -> types.Outcome:
    """An outcome without opinions, but for those that are said."""
    silent: dict[str, Any] = {
        "children": types.Children_Keep(),
        "removals": [],
        "status": None,
        "conditions": [],
        "events": [],
        "notify": [],
        "requeue": types.Requeue_OnChange(),
        "finalized": False,
        "act_as": None,
    }
    return types.Outcome(tag=tag, **{**silent, **said})


def remove() -> types.Outcome:
    left = read(cluster.children)
    return outcome("removing", children=types.Children_Exactly([]), finalized=not left)


def greet(request: types.Request, greeting: dict[str, Any]) -> types.Outcome:
    metadata = greeting["metadata"]
    spec = greeting.get("spec") or {}
    name, namespace = metadata["name"], metadata["namespace"]
    message, secret_name = spec.get("message") or "", spec.get("secretName") or ""

    wrong = [
        types.FieldError(path, "must not be empty")
        for path, value in (("spec.message", message), ("spec.secretName", secret_name))
        if value == ""
    ]
    if wrong:
        raise Err(types.Failure_Invalid(wrong))

    target = types.ObjectRef("v1", "Secret", namespace, secret_name)
    found = read(lambda: cluster.get(target, None))
    if found is None:
        missing = types.Condition(
            "Ready", types.ConditionStatus.NO, "SecretMissing", f"secret {secret_name} not found"
        )
        return outcome("waiting", conditions=[missing])

    token = (json.loads(found).get("data") or {}).get("token") or ""
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-greeting", "namespace": namespace},
        "data": {"message": message, "token-length": str(len(token))},
    }
    child = types.Child(
        object=json.dumps(config_map, ensure_ascii=False),
        owner=types.Owner.OWNED,
        write=types.Write.APPLY,
        expect=types.Expect_Any(),
        force=False,
        manager=None,
        ignore=[],
        on_leave=types.OnLeave_Delete(),
    )
    said = f"greeted {name}"
    return outcome(
        "greeted",
        children=types.Children_Exactly([child]),
        status=json.dumps({"greeted": True, "at": rfc3339(request.now)}),
        conditions=[types.Condition("Ready", types.ConditionStatus.YES, "Greeted", said)],
        events=[types.Event(f"greeted-{metadata.get('generation', 0)}", False, "Greeted", said, None)],
        requeue=types.Requeue_After(60_000),
    )


def rfc3339(millis: int) -> str:
    """Whole seconds, in UTC."""
    return datetime.fromtimestamp(millis // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Module(exports.Module):
    def describe(self) -> module.Manifest:
        return module.Manifest(
            name="guest-python",
            version="0.1.0",
            crds=[CRD],
            finalizer="guests.oarlock.dev/cleanup",
            writes=[module.Grant("", "configmaps", [])],
            reads=[module.Grant("", "secrets", [])],
            http=[],
        )

    def reconcile(self, request: types.Request) -> types.Outcome:
        greeting = json.loads(request.object)
        log.write(log.Level.INFO, "reconciling", [("name", greeting["metadata"]["name"])])
        return remove() if request.deleting else greet(request, greeting)
