package helm

import (
	"reflect"
	"strings"

	witTypes "go.bytecodealliance.org/pkg/wit/types"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

// text is UTF-8, as the component model has all texts: what is none becomes U+FFFD. Helm passes such bytes on as they are.
func text(of string) string { return strings.ToValidUTF8(of, "\uFFFD") }

// makeReadable makes text of every text of an answer. Options hide theirs: whoever makes one makes it of text.
func makeReadable(value reflect.Value) {
	switch value.Kind() {
	case reflect.String:
		value.SetString(text(value.String()))
	case reflect.Slice:
		for i := range value.Len() {
			makeReadable(value.Index(i))
		}
	case reflect.Struct:
		for _, field := range value.Fields() {
			if field.CanSet() {
				makeReadable(field)
			}
		}
	}
}

// readable makes text of a failure's words.
func readable(failure wit.Failure) wit.Failure {
	switch failure.Tag() {
	case wit.Failure_Chart:
		return wit.MakeFailureChart(text(failure.Chart()))
	case wit.Failure_Dependencies:
		return wit.MakeFailureDependencies(text(failure.Dependencies()))
	case wit.Failure_Values:
		return wit.MakeFailureValues(text(failure.Values()))
	case wit.Failure_Incompatible:
		return wit.MakeFailureIncompatible(text(failure.Incompatible()))
	case wit.Failure_Template:
		return wit.MakeFailureTemplate(text(failure.Template()))
	case wit.Failure_Output:
		words, output := text(failure.Output().F0), text(failure.Output().F1)
		return wit.MakeFailureOutput(witTypes.Tuple2[string, string]{F0: words, F1: output})
	case wit.Failure_Lookup:
		return wit.MakeFailureLookup(text(failure.Lookup()))
	}
	return failure
}
