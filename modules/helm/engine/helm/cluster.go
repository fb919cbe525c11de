package helm

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"
)

// cluster answers `lookup` as Helm's own does, from the host's reads instead of a client.
type cluster struct {
	host  Host
	kinds []Kind
	// Why a read may succeed later; no template can go on after that.
	unavailable string
}

// errNotServed is what an API server answers where it has no such API version.
var errNotServed = errors.New("the server could not find the requested resource")

// lookup has the signature of the function that it replaces, so that templates that misuse it fail with the same words.
func (c *cluster) lookup(apiVersion, kind, namespace, name string) (map[string]any, error) {
	found, err := c.find(text(apiVersion), text(kind), text(namespace), text(name))
	var unavailable Unavailable
	if errors.As(err, &unavailable) && c.unavailable == "" {
		c.unavailable = unavailable.Text
	}
	if found == nil {
		found = map[string]any{}
	}
	return found, err
}

func (c *cluster) find(apiVersion, kind, namespace, name string) (map[string]any, error) {
	namespaced, served, err := c.scope(apiVersion, kind)
	if err != nil {
		return nil, err
	}
	if served && !namespaced {
		namespace = ""
	}
	if served && namespaced && namespace == "" && name != "" {
		// A name without a namespace is a path that no API server has.
		return nil, nil
	}
	if name != "" {
		return c.get(apiVersion, kind, namespace, name)
	}
	return c.list(apiVersion, kind, namespace)
}

// scope tells whether the kind is namespaced and served. An API version that is not served at all is an error, as it is
// for Helm.
func (c *cluster) scope(apiVersion, kind string) (namespaced, served bool, err error) {
	if c.kinds == nil {
		if c.kinds, err = c.host.Kinds(); err != nil {
			return false, false, err
		}
	}
	version := false
	for _, k := range c.kinds {
		if k.APIVersion != apiVersion {
			continue
		}
		if k.Kind == kind {
			return k.Namespaced, true, nil
		}
		version = true
	}
	if version {
		return false, false, nil
	}
	// Asked all the same, so that the host knows what was looked for.
	var unknown UnknownKind
	if _, err := c.host.List(apiVersion, kind, ""); err != nil && !errors.As(err, &unknown) {
		return false, false, err
	}
	gvk := schema.FromAPIVersionAndKind(apiVersion, kind)
	return false, false, fmt.Errorf("unable to get apiresource from unstructured: %s: %w", gvk.String(), errNotServed)
}

func (c *cluster) get(apiVersion, kind, namespace, name string) (map[string]any, error) {
	text, found, err := c.host.Get(apiVersion, kind, namespace, name)
	if err != nil || !found {
		return nil, unlessUnknown(err)
	}
	return object(text)
}

func (c *cluster) list(apiVersion, kind, namespace string) (map[string]any, error) {
	texts, err := c.host.List(apiVersion, kind, namespace)
	if err != nil {
		return nil, unlessUnknown(err)
	}
	items := make([]any, len(texts))
	for i, text := range texts {
		if items[i], err = object(text); err != nil {
			return nil, err
		}
	}
	return map[string]any{
		"apiVersion": apiVersion,
		"kind":       kind + "List",
		"metadata":   map[string]any{"resourceVersion": ""},
		"items":      items,
	}, nil
}

// unlessUnknown makes nothing of a kind that is not served, which Helm finds nothing of either.
func unlessUnknown(err error) error {
	var unknown UnknownKind
	if errors.As(err, &unknown) {
		return nil
	}
	return err
}

// object has whole numbers as int64, as objects of a Kubernetes client have.
func object(text string) (map[string]any, error) {
	var found map[string]any
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return nil, err
	}
	return found, nil
}
