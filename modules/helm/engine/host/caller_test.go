package host

import (
	"testing"

	artifacts "engine.helm.oarlock.dev/bindings/imports/oarlock_reconcile_artifacts"
	"engine.helm.oarlock.dev/helm"
)

func TestFetchErrorsKeepWhetherToTryAgain(t *testing.T) {
	if err := fetchError(artifacts.MakeFetchErrorUnavailable("no answer")); err != (helm.Unavailable{Text: "no answer"}) {
		t.Errorf("unavailable became %#v", err)
	}
	for _, make := range []func(string) artifacts.FetchError{
		artifacts.MakeFetchErrorDenied, artifacts.MakeFetchErrorNotFound, artifacts.MakeFetchErrorUnauthorized,
		artifacts.MakeFetchErrorMismatch, artifacts.MakeFetchErrorInvalid,
	} {
		err := fetchError(make("no"))
		if _, temporary := err.(helm.Unavailable); temporary || err.Error() != "no" {
			t.Errorf("%#v", err)
		}
	}
}
