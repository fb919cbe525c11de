{{- define "outer" -}}
{{ include "middle" . }}
{{- end -}}
{{- define "middle" -}}

{{ include "inner" .Values }}
{{- end -}}
{{- define "inner" -}}
{{ .a.b.c }}
{{- end -}}
