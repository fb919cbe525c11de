{{- define "rigging.knot" -}}a {{ . }}{{- end -}}
