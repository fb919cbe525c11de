package helm

import (
	chart "helm.sh/helm/v4/pkg/chart/v2"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/yaml"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

// crdsOf are the files of crds/, whole: Helm prints and installs them as they are. Kind and name are those of a file's
// first document.
func crdsOf(of *chart.Chart) []wit.Document {
	var documents []wit.Document
	for _, crd := range of.CRDObjects() {
		content := string(crd.File.Data)
		var head releaseutil.SimpleHead
		if first, ok := releaseutil.SplitManifests(content)["manifest-0"]; ok {
			// Who installs it says what is wrong with it.
			_ = yaml.Unmarshal([]byte(first), &head)
		}
		documents = append(documents, documentOf(crd.Filename, content, &head))
	}
	return documents
}
