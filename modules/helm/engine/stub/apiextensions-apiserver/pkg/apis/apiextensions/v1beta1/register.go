// Package v1beta1 is part of Helm's default set of API versions, which the stub of client-go lists already.
package v1beta1

import "k8s.io/client-go/kubernetes/scheme"

// AddToScheme has nothing to add.
func AddToScheme(*scheme.Known) error { return nil }
