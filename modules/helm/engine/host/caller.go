// Package host asks the caller of the component, through the imports of its world.
package host

import (
	"errors"

	witTypes "go.bytecodealliance.org/pkg/wit/types"

	artifacts "engine.helm.oarlock.dev/bindings/imports/oarlock_reconcile_artifacts"
	cluster "engine.helm.oarlock.dev/bindings/imports/oarlock_reconcile_cluster"
	types "engine.helm.oarlock.dev/bindings/imports/oarlock_reconcile_types"
	"engine.helm.oarlock.dev/helm"
)

// Caller has the rights of whoever renders.
type Caller struct {
	// ActAs is the ServiceAccount that reads of the cluster are made as.
	ActAs witTypes.Option[string]
}

// Read gives the bytes of an artifact that the caller fetched.
func (Caller) Read(digest string) ([]byte, error) {
	read := artifacts.Read(digest)
	if read.IsErr() {
		return nil, fetchError(read.Err())
	}
	return read.Ok(), nil
}

// Kinds are all that the API server serves.
func (Caller) Kinds() ([]helm.Kind, error) {
	read := cluster.Kinds()
	if read.IsErr() {
		return nil, readError(read.Err())
	}
	kinds := make([]helm.Kind, len(read.Ok()))
	for i, kind := range read.Ok() {
		kinds[i] = helm.Kind{APIVersion: kind.ApiVersion, Kind: kind.Kind, Namespaced: kind.Namespaced}
	}
	return kinds, nil
}

// Get gives one object.
func (c Caller) Get(apiVersion, kind, namespace, name string) (string, bool, error) {
	target := types.ObjectRef{ApiVersion: apiVersion, Kind: kind, Namespace: optional(namespace), Name: name}
	read := cluster.Get(target, c.ActAs)
	if read.IsErr() {
		return "", false, readError(read.Err())
	}
	object := read.Ok()
	return object.SomeOr(""), object.IsSome(), nil
}

// List gives all objects of a kind.
func (c Caller) List(apiVersion, kind, namespace string) ([]string, error) {
	read := cluster.Query(cluster.Selection{
		ApiVersion: apiVersion,
		Kind:       kind,
		Namespace:  optional(namespace),
		Labels:     witTypes.None[string](),
		ActAs:      c.ActAs,
	})
	if read.IsErr() {
		return nil, readError(read.Err())
	}
	return read.Ok(), nil
}

func optional(text string) witTypes.Option[string] {
	if text == "" {
		return witTypes.None[string]()
	}
	return witTypes.Some(text)
}

func readError(err cluster.ReadError) error {
	switch err.Tag() {
	case cluster.ReadError_UnknownKind:
		return helm.UnknownKind{Text: err.UnknownKind()}
	case cluster.ReadError_Unavailable:
		return helm.Unavailable{Text: err.Unavailable()}
	default:
		return errors.New(err.Denied())
	}
}

func fetchError(err artifacts.FetchError) error {
	var text string
	switch err.Tag() {
	case artifacts.FetchError_Unavailable:
		return helm.Unavailable{Text: err.Unavailable()}
	case artifacts.FetchError_Denied:
		text = err.Denied()
	case artifacts.FetchError_NotFound:
		text = err.NotFound()
	case artifacts.FetchError_Unauthorized:
		text = err.Unauthorized()
	case artifacts.FetchError_Mismatch:
		text = err.Mismatch()
	case artifacts.FetchError_Invalid:
		text = err.Invalid()
	}
	return errors.New(text)
}
