module guests.oarlock.dev/go

go 1.26

require go.bytecodealliance.org/pkg v0.4.0

// The runtime that generated bindings ask for by this path; see runtime/README.md.
replace go.bytecodealliance.org/pkg => ./runtime
