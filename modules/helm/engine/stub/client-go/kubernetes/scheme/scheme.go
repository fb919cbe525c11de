// Package scheme knows the API versions of the real package, and none of their types.
package scheme

import "k8s.io/apimachinery/pkg/runtime/schema"

// Known is a set of API versions.
type Known struct{ versions []string }

// Scheme is what Helm's default capabilities are made of.
var Scheme = &Known{versions}

// PrioritizedVersionsAllGroups lists every version, in the order in which the real package registers them.
func (k *Known) PrioritizedVersionsAllGroups() []schema.GroupVersion {
	all := make([]schema.GroupVersion, 0, len(k.versions))
	for _, version := range k.versions {
		gv, err := schema.ParseGroupVersion(version)
		if err != nil {
			panic(err)
		}
		all = append(all, gv)
	}
	return all
}
