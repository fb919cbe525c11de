{{- define "boat.title" -}}
Umbrella's {{ .Values.name }}
{{- end -}}
