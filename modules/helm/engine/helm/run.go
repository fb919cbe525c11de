package helm

import (
	"text/template"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/engine"

	"engine.helm.oarlock.dev/adapter"
	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

// run is one render, with the functions that are not a function of their arguments.
type run struct {
	cluster *cluster
	chance  *chance
	now     time.Time
	// What the templates drew on.
	random, timed bool
}

func newRun(host Host, request wit.Request) *run {
	r := &run{
		chance: newChance(request.Seed),
		now:    time.UnixMilli(int64(request.Now)).UTC(),
	}
	if request.Lookup {
		r.cluster = &cluster{host: host}
	}
	return r
}

func (r *run) render(loaded *chart.Chart, values common.Values) (map[string]string, error) {
	adapter.SetClock(r.now)
	r.chance.reset()
	draws := adapter.Draws()
	files, err := r.engine().Render(loaded, values)
	r.random = r.chance.drawn || adapter.Draws() > draws
	if r.cluster != nil && r.cluster.unavailable != "" {
		return nil, failed{wit.MakeFailureLookup(r.cluster.unavailable)}
	}
	if err != nil {
		return nil, fail(wit.MakeFailureTemplate, err)
	}
	return files, nil
}

func (r *run) engine() engine.Engine {
	functions := template.FuncMap{}
	r.chance.wrap(functions)
	r.watch(functions)
	ordered(functions)
	if r.cluster != nil {
		functions["lookup"] = r.cluster.lookup
	}
	return engine.Engine{CustomTemplateFuncs: functions}
}
