// Package helm renders charts with Helm's own code.
//
// It owns what Helm's install action has around the engine: which bytes become a chart, in which order values are merged,
// what a template may ask of the cluster, of the clock and of chance, and what becomes of the output. It never reaches
// out: whatever it needs is in the request, or asked of the Host.
package helm

import (
	"errors"
	"fmt"
	"reflect"

	witTypes "go.bytecodealliance.org/pkg/wit/types"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

// Kind is one kind that the API server serves.
type Kind struct {
	APIVersion string
	Kind       string
	Namespaced bool
}

// Host is what the engine may ask for while it renders.
type Host interface {
	// Read gives the bytes of an artifact.
	Read(digest string) ([]byte, error)
	// Kinds are all that the API server serves.
	Kinds() ([]Kind, error)
	// Get gives an object as JSON, or nothing. An empty namespace is none.
	Get(apiVersion, kind, namespace, name string) (string, bool, error)
	// List gives objects as JSON. An empty namespace is all.
	List(apiVersion, kind, namespace string) ([]string, error)
}

// Unavailable is a read that may succeed later.
type Unavailable struct{ Text string }

func (u Unavailable) Error() string { return u.Text }

// UnknownKind is a read of a kind that the API server does not serve.
type UnknownKind struct{ Text string }

func (u UnknownKind) Error() string { return u.Text }

// failed is how the parts of a render tell their failure: an error that knows which one it is.
type failed struct{ failure wit.Failure }

func (f failed) Error() string { return "failed" }

func fail(kind func(string) wit.Failure, err error) error {
	return failed{kind(err.Error())}
}

func failureOf(err error) wit.Failure {
	if f, ok := err.(failed); ok {
		return f.failure
	}
	return wit.MakeFailureTemplate(err.Error())
}

// unread is a chart whose bytes did not come.
func unread(err error) error {
	var unavailable Unavailable
	if errors.As(err, &unavailable) {
		return fail(wit.MakeFailureLookup, err)
	}
	return fail(wit.MakeFailureChart, err)
}

// answer is what an exported function gives, whatever happens in it: a panic would take its text with it, for there is no
// standard error.
func answer[T any](of func() (T, error)) (result witTypes.Result[T, wit.Failure]) {
	defer func() {
		if panicked := recover(); panicked != nil {
			result = witTypes.Err[T](readable(wit.MakeFailureChart(fmt.Sprintf("panic: %v", panicked))))
		}
	}()
	value, err := of()
	if err != nil {
		return witTypes.Err[T](readable(failureOf(err)))
	}
	makeReadable(reflect.ValueOf(&value).Elem())
	return witTypes.Ok[T, wit.Failure](value)
}
