"""A broker of queues on openbrokerapi: everything takes a while, nothing depends on time.

It listens on a free port of loopback, says where in one line of JSON on standard output, and ends with its standard input.
`GET /ledger` beside the API tells what is there.
"""

import json
import logging
import os
import sys
import threading

from flask import Flask, jsonify
from openbrokerapi import api, errors
from openbrokerapi.catalog import ServicePlan
from openbrokerapi.service_broker import (
    Binding,
    BindState,
    DeprovisionServiceSpec,
    GetBindingSpec,
    GetInstanceDetailsSpec,
    LastOperation,
    OperationState,
    ProvisionedServiceSpec,
    ProvisionState,
    Service,
    ServiceBroker,
    UnbindSpec,
    UpdateServiceSpec,
)
from werkzeug.serving import make_server

USER, PASSWORD = "platform", "planted-password-of-openbrokerapi"
# So often an operation is said to be in progress.
POLLS = 1


class Thing:
    """An instance or a binding, and what is done with it."""

    def __init__(self, details):
        self.service_id = details.service_id
        self.plan_id = details.plan_id
        self.parameters = details.parameters
        self.context = details.context
        self.user = details.originating_identity
        self.puts = 0
        self.operation = None
        self.polls = 0
        # What is done when the operation ends.
        self.ends = None
        self.ready = False

    def is_like(self, details):
        wished = (details.service_id, details.plan_id, details.parameters)
        return (self.service_id, self.plan_id, self.parameters) == wished

    def begin(self, operation, ends):
        self.operation, self.polls, self.ends = operation, POLLS, ends

    def shown(self):
        return {
            "plan": self.plan_id,
            "parameters": self.parameters,
            "namespace": (self.context or {}).get("namespace"),
            "user": (self.user or {}).get("value", {}).get("username"),
            "puts": self.puts,
            "ready": self.ready,
            "operation": self.operation,
        }


class Queues(ServiceBroker):
    def __init__(self):
        self.instances = {}
        self.bindings = {}
        self.operations = 0
        self.lock = threading.RLock()

    def catalog(self):
        return Service(
            id="service-queue",
            name="queue",
            description="Queues",
            bindable=True,
            plan_updateable=True,
            instances_retrievable=True,
            bindings_retrievable=True,
            tags=["queue"],
            plans=[
                ServicePlan(id="plan-queue-small", name="small", description="A small queue", free=True),
                ServicePlan(id="plan-queue-large", name="large", description="A large queue", free=False),
            ],
        )

    def token(self, verb):
        self.operations += 1
        return f"{verb} {self.operations}"

    def made(self, things, key, details, verb, exists):
        """The thing, and whether it is new."""
        thing = things.get(key)
        if thing is not None:
            thing.puts += 1
            if not thing.is_like(details):
                raise exists()
            return thing
        thing = things[key] = Thing(details)
        thing.puts = 1

        def ends():
            thing.ready = True

        thing.begin(self.token(verb), ends)
        return thing

    def provision(self, instance_id, details, async_allowed, **kwargs):
        with self.lock:
            if not async_allowed:
                raise errors.ErrAsyncRequired()
            thing = self.made(self.instances, instance_id, details, "provision", errors.ErrInstanceAlreadyExists)
            state = ProvisionState.IDENTICAL_ALREADY_EXISTS if thing.ready else ProvisionState.IS_ASYNC
            return ProvisionedServiceSpec(state, f"https://queues.example/{instance_id}", thing.operation)

    def update(self, instance_id, details, async_allowed, **kwargs):
        with self.lock:
            if not async_allowed:
                raise errors.ErrAsyncRequired()
            thing = self.instances.get(instance_id)
            if thing is None:
                raise errors.ErrBadRequest("there is no such instance")
            if thing.operation is not None:
                raise errors.ErrConcurrentInstanceAccess()

            def ends():
                thing.plan_id = details.plan_id or thing.plan_id
                if details.parameters is not None:
                    thing.parameters = details.parameters

            thing.begin(self.token("update"), ends)
            return UpdateServiceSpec(True, thing.operation)

    def deprovision(self, instance_id, details, async_allowed, **kwargs):
        with self.lock:
            if not async_allowed:
                raise errors.ErrAsyncRequired()
            thing = self.instances.get(instance_id)
            if thing is None:
                raise errors.ErrInstanceDoesNotExist()
            if any(instance == instance_id for instance, _ in self.bindings):
                raise errors.ErrBadRequest("there are bindings of it")
            return DeprovisionServiceSpec(True, self.removal(self.instances, instance_id, thing, "deprovision"))

    def bind(self, instance_id, binding_id, details, async_allowed, **kwargs):
        with self.lock:
            if not async_allowed:
                raise errors.ErrAsyncRequired()
            instance = self.instances.get(instance_id)
            if instance is None or not instance.ready:
                raise errors.ErrBadRequest("there is no such instance")
            if instance.operation is not None:
                raise errors.ErrConcurrentInstanceAccess()
            key = (instance_id, binding_id)
            thing = self.made(self.bindings, key, details, "bind", errors.ErrBindingAlreadyExists)
            if thing.ready:
                return Binding(BindState.IDENTICAL_ALREADY_EXISTS, credentials=credentials(binding_id))
            return Binding(BindState.IS_ASYNC, operation=thing.operation)

    def unbind(self, instance_id, binding_id, details, async_allowed, **kwargs):
        with self.lock:
            if not async_allowed:
                raise errors.ErrAsyncRequired()
            key = (instance_id, binding_id)
            thing = self.bindings.get(key)
            if thing is None:
                raise errors.ErrBindingDoesNotExist()
            return UnbindSpec(True, self.removal(self.bindings, key, thing, "unbind"))

    def removal(self, things, key, thing, verb):
        """The operation that removes a thing; whatever else is done with it is halted."""
        if thing.operation is None or not thing.operation.startswith(verb):

            def ends():
                del things[key]

            thing.begin(self.token(verb), ends)
        return thing.operation

    def poll(self, thing, operation_data):
        if thing.operation is None:
            return LastOperation(OperationState.SUCCEEDED)
        if thing.operation != operation_data:
            raise errors.ErrBadRequest(f"the operation is {thing.operation!r}, not {operation_data!r}")
        if thing.polls > 0:
            thing.polls -= 1
            return LastOperation(OperationState.IN_PROGRESS, "working on it")
        ends, thing.operation = thing.ends, None
        ends()
        return LastOperation(OperationState.SUCCEEDED)

    def last_operation(self, instance_id, operation_data=None, **kwargs):
        with self.lock:
            thing = self.instances.get(instance_id)
            if thing is None:
                raise errors.ErrInstanceDoesNotExist()
            removes = (thing.operation or "").startswith("deprovision")
            told = self.poll(thing, operation_data)
            if removes and told.state == OperationState.SUCCEEDED:
                # Said by 410.
                raise errors.ErrInstanceDoesNotExist()
            return told

    def last_binding_operation(self, instance_id, binding_id, operation_data=None, **kwargs):
        with self.lock:
            thing = self.bindings.get((instance_id, binding_id))
            if thing is None:
                return LastOperation(OperationState.SUCCEEDED)
            return self.poll(thing, operation_data)

    def get_instance(self, instance_id, **kwargs):
        with self.lock:
            thing = self.instances.get(instance_id)
            if thing is None or not thing.ready:
                raise errors.ErrInstanceDoesNotExist()
            if thing.operation is not None:
                raise errors.ErrConcurrentInstanceAccess()
            return GetInstanceDetailsSpec(thing.service_id, thing.plan_id, parameters=thing.parameters)

    def get_binding(self, instance_id, binding_id, **kwargs):
        with self.lock:
            thing = self.bindings.get((instance_id, binding_id))
            if thing is None or not thing.ready:
                raise errors.ErrBindingDoesNotExist()
            return GetBindingSpec(credentials=credentials(binding_id), parameters=thing.parameters)

    def ledger(self):
        with self.lock:
            return {
                "instances": {key: thing.shown() for key, thing in self.instances.items()},
                "bindings": {binding: thing.shown() for (_, binding), thing in self.bindings.items()},
                "operations": self.operations,
            }


def credentials(binding_id):
    return {
        "uri": f"amqp://queue:planted-{binding_id}@queues.example:5672/",
        "port": 5672,
        "tls": {"key": f"planted-key-{binding_id}"},
    }


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    logging.disable(logging.CRITICAL)
    broker = Queues()
    app = Flask(__name__)
    access = api.BrokerCredentials(USER, PASSWORD)
    app.register_blueprint(api.get_blueprint(broker, access, logging.getLogger()))
    app.add_url_rule("/ledger", "ledger", lambda: jsonify(broker.ledger()))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    place = {"broker": f"http://127.0.0.1:{server.port}", "user": USER, "password": PASSWORD}
    print(json.dumps(place), flush=True)
    threading.Thread(target=end_with_input, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
