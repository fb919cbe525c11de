{{- define "boat.title" -}}Boat {{ .Values.name }}{{- end -}}
{{- define "boat.own" -}}own of {{ .Chart.Name }}{{- end -}}
