{{- define "flow.labels" -}}
app: {{ .name | default "none" }}
{{ end -}}
{{- define "flow.recursive" -}}
{{- if gt . 0 }}{{ . }} {{ include "flow.recursive" (sub . 1) }}{{ else }}lift off{{ end -}}
{{- end -}}
{{- define "flow.blank" }}   {{ end -}}
