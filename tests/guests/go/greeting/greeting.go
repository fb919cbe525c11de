// Package greeting is the reconciler of Greeting objects: one ConfigMap for each, made from its message and its Secret.
package greeting

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	wit "go.bytecodealliance.org/pkg/wit/types"

	cluster "guests.oarlock.dev/go/bindings/imports/oarlock_reconcile_cluster"
	log "guests.oarlock.dev/go/bindings/imports/oarlock_reconcile_log"
	module "guests.oarlock.dev/go/bindings/imports/oarlock_reconcile_module"
	types "guests.oarlock.dev/go/bindings/imports/oarlock_reconcile_types"
)

// A copy of ../../greeting-crd.json, which go:embed cannot reach; `cargo xtask tidy` compares the two.
//
//go:embed greeting-crd.json
var crd string

type result = wit.Result[types.Outcome, types.Failure]

type object struct {
	Metadata struct {
		Name       string `json:"name"`
		Namespace  string `json:"namespace"`
		Generation int64  `json:"generation"`
	} `json:"metadata"`
	Spec struct {
		SecretName string `json:"secretName"`
		Message    string `json:"message"`
	} `json:"spec"`
}

type secret struct {
	Data map[string]string `json:"data"`
}

type configMap struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   configMapMeta     `json:"metadata"`
	Data       map[string]string `json:"data"`
}

type configMapMeta struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

type status struct {
	Greeted bool   `json:"greeted"`
	At      string `json:"at"`
}

// Describe is the manifest.
func Describe() module.Manifest {
	return module.Manifest{
		Name:      "guest-go",
		Version:   "0.1.0",
		Crds:      []string{crd},
		Finalizer: wit.Some("guests.oarlock.dev/cleanup"),
		Writes:    []module.Grant{{ApiGroup: "", Plural: "configmaps"}},
		Reads:     []module.Grant{{ApiGroup: "", Plural: "secrets"}},
	}
}

// Reconcile is one run. A panic goes to the log before it ends the run: standard error leads nowhere.
func Reconcile(request types.Request) result {
	defer func() {
		if cause := recover(); cause != nil {
			log.Write(log.Level_Error, "panic", []wit.Tuple2[string, string]{{F0: "cause", F1: fmt.Sprint(cause)}})
			panic(cause)
		}
	}()

	var greeting object
	if err := json.Unmarshal([]byte(request.Object), &greeting); err != nil {
		return terminal("object is not a Greeting: " + err.Error())
	}
	log.Write(log.Level_Info, "reconciling", []wit.Tuple2[string, string]{{F0: "name", F1: greeting.Metadata.Name}})
	if request.Deleting {
		return remove()
	}
	return greet(request, greeting)
}

func remove() result {
	left := cluster.Children()
	if left.IsErr() {
		return refused(left.Err())
	}
	outcome := silent("removing")
	outcome.Children = types.MakeChildrenExactly(nil)
	outcome.Finalized = len(left.Ok()) == 0
	return wit.Ok[types.Outcome, types.Failure](outcome)
}

func greet(request types.Request, greeting object) result {
	meta, spec := greeting.Metadata, greeting.Spec
	var wrong []types.FieldError
	if spec.Message == "" {
		wrong = append(wrong, types.FieldError{Path: "spec.message", Message: "must not be empty"})
	}
	if spec.SecretName == "" {
		wrong = append(wrong, types.FieldError{Path: "spec.secretName", Message: "must not be empty"})
	}
	if len(wrong) > 0 {
		return wit.Err[types.Outcome](types.MakeFailureInvalid(wrong))
	}

	target := types.ObjectRef{ApiVersion: "v1", Kind: "Secret", Namespace: wit.Some(meta.Namespace), Name: spec.SecretName}
	answer := cluster.Get(target, wit.None[string]())
	if answer.IsErr() {
		return refused(answer.Err())
	}
	if answer.Ok().IsNone() {
		outcome := silent("waiting")
		outcome.Conditions = []types.Condition{{
			Kind:    "Ready",
			Status:  types.ConditionStatus_No,
			Reason:  "SecretMissing",
			Message: "secret " + spec.SecretName + " not found",
		}}
		return wit.Ok[types.Outcome, types.Failure](outcome)
	}
	var found secret
	if err := json.Unmarshal([]byte(answer.Ok().Some()), &found); err != nil {
		return terminal("secret " + spec.SecretName + " is not a Secret: " + err.Error())
	}

	child := configMap{
		APIVersion: "v1",
		Kind:       "ConfigMap",
		Metadata:   configMapMeta{Name: meta.Name + "-greeting", Namespace: meta.Namespace},
		Data: map[string]string{
			"message":      spec.Message,
			"token-length": strconv.Itoa(len(found.Data["token"])),
		},
	}
	said := "greeted " + meta.Name
	outcome := silent("greeted")
	outcome.Children = types.MakeChildrenExactly([]types.Child{{
		Object:  text(child),
		Owner:   types.Owner_Owned,
		Write:   types.Write_Apply,
		Expect:  types.MakeExpectAny(),
		Manager: wit.None[string](),
		OnLeave: types.MakeOnLeaveDelete(),
	}})
	outcome.Status = wit.Some(text(status{Greeted: true, At: rfc3339(request.Now)}))
	outcome.Conditions = []types.Condition{{Kind: "Ready", Status: types.ConditionStatus_Yes, Reason: "Greeted", Message: said}}
	outcome.Events = []types.Event{{
		Key:     fmt.Sprintf("greeted-%d", meta.Generation),
		Reason:  "Greeted",
		Message: said,
		About:   wit.None[types.ObjectRef](),
	}}
	outcome.Requeue = types.MakeRequeueAfter(60_000)
	return wit.Ok[types.Outcome, types.Failure](outcome)
}

// silent is an outcome without opinions.
func silent(tag string) types.Outcome {
	return types.Outcome{
		Tag:      tag,
		Children: types.MakeChildrenKeep(),
		Status:   wit.None[string](),
		Requeue:  types.MakeRequeueOnChange(),
		ActAs:    wit.None[string](),
	}
}

// refused turns the error of a read into the failure of the run.
func refused(err cluster.ReadError) result {
	switch err.Tag() {
	case cluster.ReadError_Denied:
		return terminal("read denied: " + err.Denied())
	case cluster.ReadError_UnknownKind:
		return retry("kind not served: " + err.UnknownKind())
	default:
		return retry("read unavailable: " + err.Unavailable())
	}
}

func terminal(message string) result {
	return wit.Err[types.Outcome](types.MakeFailureTerminal(message))
}

func retry(message string) result {
	return wit.Err[types.Outcome](types.MakeFailureRetry(message))
}

// text is JSON of a value that has nothing in it which JSON could refuse.
func text(value any) string {
	bytes, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(bytes)
}

// rfc3339 gives whole seconds, in UTC.
func rfc3339(millis uint64) string {
	return time.UnixMilli(int64(millis)).UTC().Format(time.RFC3339)
}
