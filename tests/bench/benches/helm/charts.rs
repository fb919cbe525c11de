//! Charts of three sizes, generated: what charts in the wild do, more or less often.

use std::fmt::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;

/// What is rendered, and how.
pub(crate) struct Chart {
    pub(crate) name: String,
    /// A `.tgz`.
    pub(crate) archive: Arc<[u8]>,
    /// Paths and texts of values files.
    pub(crate) values: Vec<(String, String)>,
    pub(crate) release: String,
    pub(crate) namespace: String,
    pub(crate) kube_version: Option<String>,
    pub(crate) api_versions: Vec<String>,
}

/// How large a chart is.
struct Shape {
    name: &'static str,
    subcharts: usize,
    /// Workloads of each chart; each is a template with two documents.
    workloads: usize,
    /// Helpers of each chart that nobody calls, as of a library of helpers.
    helpers: usize,
}

const SHAPES: [Shape; 3] = [
    Shape {
        name: "a small chart",
        subcharts: 0,
        workloads: 2,
        helpers: 2,
    },
    Shape {
        name: "a medium chart",
        subcharts: 3,
        workloads: 8,
        helpers: 30,
    },
    Shape {
        name: "a very large chart",
        subcharts: 20,
        workloads: 30,
        helpers: 60,
    },
];

pub(crate) fn all() -> anyhow::Result<Vec<Chart>> {
    SHAPES.iter().map(Shape::chart).collect()
}

impl Shape {
    fn chart(&self) -> anyhow::Result<Chart> {
        let mut files = Vec::new();
        self.files("fleet", "fleet", &mut files);
        for number in 0..self.subcharts {
            let name = format!("boat-{number}");
            self.files(&format!("fleet/charts/{name}"), &name, &mut files);
        }
        Ok(Chart {
            name: self.name.to_owned(),
            archive: packed(&files)?,
            values: Vec::new(),
            release: "ferry".to_owned(),
            namespace: "harbour".to_owned(),
            kube_version: None,
            api_versions: Vec::new(),
        })
    }

    /// The files of one chart.
    fn files(&self, folder: &str, name: &str, files: &mut Vec<(String, String)>) {
        let mut add = |path: &str, text: String| files.push((format!("{folder}/{path}"), text));
        add(
            "Chart.yaml",
            format!("apiVersion: v2\nname: {name}\nversion: 1.2.3\nappVersion: \"4.5\"\n"),
        );
        let mut values = VALUES.to_owned();
        for number in 0..self.workloads {
            let _infallible = writeln!(
                values,
                "  deck{number}:\n    replicas: {number}\n    image: {{tag: \"1.{number}\"}}\n    extra: 'deck of {{{{ .Release.Name }}}}'"
            );
        }
        add("values.yaml", values);
        let mut helpers = HELPERS.replace("NAME", name);
        for number in 0..self.helpers {
            helpers.push_str(
                &UNUSED
                    .replace("NAME", name)
                    .replace("NUMBER", &number.to_string()),
            );
        }
        add("templates/_helpers.tpl", helpers);
        for number in 0..self.workloads {
            let text = WORKLOAD
                .replace("NAME", name)
                .replace("DECK", &format!("deck{number}"));
            add(&format!("templates/deck{number}.yaml"), text);
        }
    }
}

/// As a `.tgz`.
pub(crate) fn packed(files: &[(String, String)]) -> anyhow::Result<Arc<[u8]>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes())?;
    }
    Ok(tar.into_inner()?.finish()?.into())
}

const VALUES: &str = "\
global: {imageRegistry: registry.example.com, labels: {fleet: north}}
nameOverride: \"\"
image: {repository: boat, pullPolicy: IfNotPresent}
resources:
  limits: {cpu: 500m, memory: 256Mi}
  requests: {cpu: 100m, memory: 128Mi}
nodeSelector: {kubernetes.io/os: linux}
tolerations:
- {key: water, operator: Exists, effect: NoSchedule}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: boat}}}
env: {LOG_LEVEL: info, PORT: \"8080\", HARBOUR: north, DEPTH: 12}
decks:
";

const HELPERS: &str = r#"
{{- define "NAME.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- define "NAME.fullname" -}}
{{- if contains (include "NAME.name" .) .Release.Name }}{{ .Release.Name }}{{ else }}{{ printf "%s-%s" .Release.Name (include "NAME.name" .) | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- define "NAME.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "NAME.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.global.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- define "NAME.selector" -}}
app.kubernetes.io/name: {{ include "NAME.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "NAME.image" -}}
{{- $deck := .deck -}}
{{- $image := merge (dict) ($deck.image | default dict) .root.Values.image -}}
{{- with .root.Values.global.imageRegistry }}{{ . }}/{{ end }}{{ $image.repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end }}
"#;

const UNUSED: &str = r#"
{{/* Helper number NUMBER, as libraries of helpers have many. */}}
{{- define "NAME.helperNUMBER" -}}
{{- $value := typeIs "string" .value | ternary .value (.value | toYaml) }}
{{- if contains "{{" (toJson .value) }}
  {{- if .scope }}
      {{- tpl (cat "{{- with $.RelativeScope -}}" $value "{{- end }}") (merge (dict "RelativeScope" .scope) .context) }}
  {{- else }}
    {{- tpl $value .context }}
  {{- end }}
{{- else }}
    {{- $value }}
{{- end }}
{{- end -}}
"#;

const WORKLOAD: &str = r#"
{{- $deck := .Values.decks.DECK }}
{{- $merged := mergeOverwrite (dict "replicas" 1) $deck }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "NAME.fullname" . }}-DECK
  namespace: {{ .Release.Namespace | quote }}
  labels:
    {{- include "NAME.labels" . | nindent 4 }}
  annotations:
    checksum/config: {{ toYaml .Values.env | sha256sum }}
    example.com/extra: {{ tpl $deck.extra . | quote }}
spec:
  replicas: {{ $merged.replicas }}
  selector:
    matchLabels:
      {{- include "NAME.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "NAME.labels" . | nindent 8 }}
    spec:
      containers:
        - name: {{ .Chart.Name }}
          image: {{ include "NAME.image" (dict "root" . "deck" $deck) | quote }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          env:
            {{- range $name, $value := .Values.env }}
            - name: {{ $name }}
              value: {{ $value | quote }}
            {{- end }}
          ports:
            - {name: http, containerPort: {{ .Values.env.PORT | int }}, protocol: TCP}
          {{- if semverCompare ">=1.20-0" .Capabilities.KubeVersion.Version }}
          startupProbe:
            httpGet: {path: /healthz, port: http}
          {{- end }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
      {{- with .Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "NAME.fullname" . }}-DECK
  labels:
    {{- include "NAME.labels" . | nindent 4 }}
spec:
  type: {{ $deck.serviceType | default "ClusterIP" }}
  ports:
    - {port: 80, targetPort: http, protocol: TCP, name: http}
  selector:
    {{- include "NAME.selector" . | nindent 4 }}
"#;
