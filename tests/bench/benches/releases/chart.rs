//! The chart: a Deployment that is scaled to zero, a Service and a ConfigMap, as charts of small services have them. The Service
//! has no address: small clusters have a few hundred of them.

use std::path::Path;

const FILES: [(&str, &str); 6] = [
    (
        "Chart.yaml",
        "apiVersion: v2\nname: podinfo\nversion: 1.0.0\nappVersion: 6.0.0\n",
    ),
    (
        "values.yaml",
        "replicaCount: 0\nimage: {repository: podinfo, tag: 6.0.0}\nservice: {port: 9898}\nui: {message: hello, color: \"#34577c\"}\n\
         resources: {requests: {cpu: 1m, memory: 16Mi}}\npodAnnotations: {}\n",
    ),
    (
        "templates/_helpers.tpl",
        r#"{{- define "podinfo.fullname" -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- define "podinfo.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/name: {{ include "podinfo.fullname" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
"#,
    ),
    (
        "templates/deployment.yaml",
        r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "podinfo.fullname" . }}
  labels: {{- include "podinfo.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicaCount }}
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ include "podinfo.fullname" . }}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {{ include "podinfo.fullname" . }}
      annotations:
        checksum/config: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
        {{- with .Values.podAnnotations }}{{- toYaml . | nindent 8 }}{{- end }}
    spec:
      containers:
        - name: podinfo
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          ports: [{name: http, containerPort: {{ .Values.service.port }}}]
          envFrom: [{configMapRef: {name: {{ include "podinfo.fullname" . }}}}]
          readinessProbe: {httpGet: {path: /readyz, port: http}}
          resources: {{- toYaml .Values.resources | nindent 12 }}
"#,
    ),
    (
        "templates/service.yaml",
        r#"apiVersion: v1
kind: Service
metadata:
  name: {{ include "podinfo.fullname" . }}
  labels: {{- include "podinfo.labels" . | nindent 4 }}
spec:
  clusterIP: None
  ports: [{name: http, port: {{ .Values.service.port }}, targetPort: http}]
  selector:
    app.kubernetes.io/name: {{ include "podinfo.fullname" . }}
"#,
    ),
    (
        "templates/configmap.yaml",
        r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "podinfo.fullname" . }}
  labels: {{- include "podinfo.labels" . | nindent 4 }}
data:
  PODINFO_UI_MESSAGE: {{ .Values.ui.message | quote }}
  PODINFO_UI_COLOR: {{ .Values.ui.color | quote }}
"#,
    ),
];

/// Writes it below a folder of charts.
pub(crate) fn write(charts: &Path) -> std::io::Result<()> {
    for (path, text) in FILES {
        let file = charts.join("podinfo").join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(file, text)?;
    }
    Ok(())
}
