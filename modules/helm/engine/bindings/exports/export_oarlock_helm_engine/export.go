// Package export_oarlock_helm_engine is where the generated exports look for the engine's functions.
package export_oarlock_helm_engine

import (
	witTypes "go.bytecodealliance.org/pkg/wit/types"

	"engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
	"engine.helm.oarlock.dev/helm"
	"engine.helm.oarlock.dev/host"
)

// Render renders a chart.
func Render(request oarlock_helm_engine.Request) witTypes.Result[oarlock_helm_engine.Rendered, oarlock_helm_engine.Failure] {
	return helm.Render(host.Caller{ActAs: request.ActAs}, request)
}

// Inspect tells what a chart is.
func Inspect(chart string) witTypes.Result[oarlock_helm_engine.Chart, oarlock_helm_engine.Failure] {
	return helm.Inspect(host.Caller{}, chart)
}

// Merge merges values as Render does.
func Merge(chart witTypes.Option[string], values []oarlock_helm_engine.ValueSource) witTypes.Result[string, oarlock_helm_engine.Failure] {
	return helm.Merge(host.Caller{}, chart, values)
}

// RecordOf is a chart as a release record holds it.
func RecordOf(chart string, values []oarlock_helm_engine.ValueSource) witTypes.Result[string, oarlock_helm_engine.Failure] {
	return helm.RecordOf(host.Caller{}, chart, values)
}

// Version is Helm's.
func Version() string {
	return helm.Version()
}
