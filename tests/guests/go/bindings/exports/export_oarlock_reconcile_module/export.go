// Package export_oarlock_reconcile_module is where the generated exports look for the module's functions.
package export_oarlock_reconcile_module

import (
	witTypes "go.bytecodealliance.org/pkg/wit/types"

	"guests.oarlock.dev/go/bindings/imports/oarlock_reconcile_module"
	"guests.oarlock.dev/go/bindings/imports/oarlock_reconcile_types"
	"guests.oarlock.dev/go/greeting"
)

// Describe is the module's manifest.
func Describe() oarlock_reconcile_module.Manifest {
	return greeting.Describe()
}

// Reconcile is one run.
func Reconcile(request oarlock_reconcile_types.Request) witTypes.Result[oarlock_reconcile_types.Outcome, oarlock_reconcile_types.Failure] {
	return greeting.Reconcile(request)
}
