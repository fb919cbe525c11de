//! A folder with charts and values, and command lines over it.

use std::path::{Path, PathBuf};

use super::pair::Pair;

/// The folder.
pub(crate) struct Yard(PathBuf);

/// A chart that shows what it is given.
const SHOW: &[(&str, &str)] = &[
    (
        "show/Chart.yaml",
        "apiVersion: v2\nname: show\nversion: 1.2.3\nappVersion: \"4.5\"\n",
    ),
    (
        "show/values.yaml",
        "a: 1\nlist: [x, y]\nmap: {deep: {b: true}}\ntext: plain\n",
    ),
    (
        "show/templates/config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\ndata:\n  values: \
         |\n    {{- .Values | toYaml | nindent 4 }}\n  install: {{ .Release.IsInstall | quote }}\n  upgrade: {{ .Release.IsUpgrade | \
         quote }}\n  kube: {{ .Capabilities.KubeVersion.Version }}\n  helm: {{ .Capabilities.HelmVersion.Version }}\n  apis: {{ \
         .Capabilities.APIVersions.Has \"example.com/v1\" | quote }}\n  more: {{ .Capabilities.APIVersions.Has \"example.com/v2\" | quote \
         }}\n",
    ),
    (
        "show/templates/sub/two.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: one}\n---\n\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: two}\n\n\n",
    ),
    (
        "show/templates/hook.yaml",
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: hook\n  annotations: {helm.sh/hook: pre-install, helm.sh/hook-weight: \"5\"}\n",
    ),
    (
        "show/templates/tests/test.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: test\n  annotations: {helm.sh/hook: test}\n",
    ),
    (
        "show/templates/NOTES.txt",
        "Notes of {{ .Release.Name }}.\n",
    ),
    (
        "show/crds/crd.yaml",
        "kind: CustomResourceDefinition\nmetadata: {name: a}\n---\nkind: CustomResourceDefinition\nmetadata: {name: b}\n",
    ),
    (
        "show/crds/other.yaml",
        "kind: CustomResourceDefinition\nmetadata: {name: c}\n",
    ),
    (
        "show/charts/part/Chart.yaml",
        "apiVersion: v2\nname: part\nversion: 0.1.0\n",
    ),
    (
        "show/charts/part/templates/part.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: part}\n",
    ),
];

/// Charts and files that are wrong, and a chart without anything.
const OTHERS: &[(&str, &str)] = &[
    (
        "nothing/Chart.yaml",
        "apiVersion: v2\nname: nothing\nversion: 0.1.0\n",
    ),
    (
        "library/Chart.yaml",
        "apiVersion: v2\nname: library\nversion: 0.1.0\ntype: library\n",
    ),
    (
        "old/Chart.yaml",
        "apiVersion: v2\nname: old\nversion: 0.1.0\ndeprecated: true\n",
    ),
    (
        "old/templates/hook.yaml",
        "kind: Job\nmetadata:\n  annotations: {helm.sh/hook: crd-install}\n",
    ),
    (
        "parent/Chart.yaml",
        "apiVersion: v2\nname: parent\nversion: 0.1.0\ndependencies:\n- {name: x, version: 1.x.x, repository: \"https://example.com\"}\n",
    ),
    (
        "wrong/Chart.yaml",
        "apiVersion: v2\nname: wrong\nversion: 0.1.0\n",
    ),
    ("wrong/templates/a.yaml", "a: 1\n"),
    ("wrong/templates/b.yaml", "a: b: c\n"),
    (
        "far/Chart.yaml",
        "apiVersion: v2\nname: far\nversion: 0.1.0\nkubeVersion: \">=9.0.0\"\n",
    ),
    (
        "fails/Chart.yaml",
        "apiVersion: v2\nname: fails\nversion: 0.1.0\n",
    ),
    ("fails/templates/a.yaml", "a: {{ fail \"no\" }}\n"),
    ("no-chart/readme", "nothing\n"),
    ("values.yaml", "a: 2\nlist: [z]\nmap: {deep: {c: null}}\n"),
    ("more, values.yaml", "a: 3\n"),
    ("broken.yaml", "a: 1\nb: [1\n"),
    ("text.yaml", "only text\n"),
    ("list.yaml", "- a\n"),
    ("empty.yaml", ""),
    ("content.txt", "one\ntwo\n"),
    ("logins.json", "{\"auths\": {}}\n"),
    ("archive.tgz", "no archive, and not even near it\n"),
];

impl Yard {
    /// Writes it.
    pub(crate) fn make(folder: &Path) -> Self {
        for (name, text) in SHOW.iter().chain(OTHERS) {
            let file = folder.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        Self(folder.to_owned())
    }

    /// The words of a command line are its name.
    fn pair(&self, line: &str) -> Pair {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        Pair::new(line, &self.0, &words)
    }

    /// Command lines that print.
    pub(crate) fn flags(&self) -> Vec<Pair> {
        let lines = [
            "show",
            "ferry show",
            "./show",
            "show/",
            "show -n harbour",
            "show --namespace=harbour",
            "-g show",
            "show --generate-name=true",
            "show --name-template boat",
            "show --name-template {{\"BOAT\"|lower}}-{{add(1)(2)}}",
            "show --set a=5",
            "show --set=a=5,text=null",
            "show --set a=1 --set a=2",
            "show --set list[0]=w,map.deep.b=null",
            "show --set-string a=5",
            "show --set-json a=[1,2]",
            "show --set-json {\"a\":{\"b\":1}}",
            "show --set-literal a=x,y=z",
            "show --set-file a=content.txt",
            "show --set-file a=content.txt,map.text=values.yaml",
            "show --set-file a={content.txt,values.yaml}",
            "show --set-file list={content.txt}",
            "show --set-file list={content.txt},list[2]=values.yaml",
            "show --set-file list[1]={content.txt,values.yaml}",
            "show --set list=text --set-file list={content.txt,values.yaml}",
            "show --set-file map={content.txt},map2={values.yaml}",
            "show --set-file map.deep.b={content.txt}",
            "show --set-json lists=[[1,2,3]] --set-file lists[0]={content.txt}",
            "show --registry-config nowhere.json",
            "show --registry-config logins.json",
            "show --registry-config empty.yaml",
            "show --registry-config=",
            "show --set-file a=",
            "show -f values.yaml",
            "show --values=values.yaml",
            "show -f values.yaml,empty.yaml",
            "show -f values.yaml --set a=4",
            "show --set a=4 -f values.yaml",
            "show -f values.yaml --set-string a=4 --set a=5 --set-json a=6",
            "show --include-crds",
            "show --include-crds=true",
            "show --include-crds=false",
            "show --no-hooks",
            "show --skip-tests",
            "show --skip-tests=f --no-hooks=0",
            "show --no-hooks --skip-tests --include-crds",
            "show --is-upgrade",
            "show --kube-version 1.30",
            "show --kube-version v1.27.3-gke.100",
            "show --kube-version=",
            "show -a example.com/v1",
            "show -a example.com/v1,example.com/v2",
            "show --api-versions=example.com/v2 -a x/y",
            "show -s templates/config.yaml",
            "show -s templates/sub/two.yaml",
            "show -s templates/*.yaml",
            "show -s templates/tests/*",
            "show -s charts/part/templates/part.yaml",
            "show -s charts/*/templates/*",
            "show -s templates/sub/two.yaml -s templates/config.yaml",
            "show --show-only templates/sub/two.yaml --show-only templates/sub/two.yaml",
            "show -s crds/crd.yaml --include-crds",
            "show -s templates/hook.yaml --debug=false",
            "show --skip-schema-validation",
            "show --skip-crds --create-namespace --timeout 5m --wait --description text",
            "show --hide-notes --render-subchart-notes",
            "show --atomic --force",
            "show --dry-run",
            "show --dry-run=client",
            "show --dry-run=true",
            "show -l a=b",
            "show --version 1.2.3",
            "show --version 9",
            "show --devel",
            "show --debug",
            "show --dependency-update",
            "nothing",
            "nothing --include-crds --debug",
            "old",
            "old --debug",
        ];
        let mut pairs: Vec<Pair> = lines.map(|line| self.pair(line)).into();
        pairs.push(
            Pair::new("values from standard input", &self.0, &["show", "-f", "-"]).input("a: 7\n"),
        );
        pairs.push(Pair::new(
            "a comma in a file's name",
            &self.0,
            &["show", "-f", "\"more, values.yaml\""],
        ));
        pairs.push(Pair::new(
            "a name of nothing",
            &self.0,
            &["show", "--name-template", ""],
        ));
        pairs
    }

    /// Command lines that fail.
    pub(crate) fn bad_input(&self) -> Vec<Pair> {
        let lines = [
            "nowhere",
            "./nowhere",
            "/nowhere",
            "a/b",
            "a/b/c",
            "s3://a/b",
            "no-chart",
            "values.yaml",
            "archive.tgz",
            "library",
            "parent",
            "wrong",
            "far",
            "far --debug",
            "far --kube-version 1.2.3",
            "fails",
            "fails --debug",
            "fails -s templates/a.yaml",
            "Ferry_X show",
            "a b c",
            "a b c d",
            "-g ferry show",
            "ferry show --name-template x",
            "show --name-template {{boat}}",
            "show --name-template {{",
            "show -f nowhere.yaml",
            "show -f no-chart",
            "show -f broken.yaml",
            "show -f text.yaml",
            "show -f list.yaml",
            "show -f values.yaml,broken.yaml",
            "show --set a",
            "show --set a.b",
            "show --set a[0",
            "show --set a={1",
            "show --set-string a",
            "show --set-json a={",
            "show --set-json {a",
            "show --set-literal a",
            "show --set-file a",
            "show --set-file a,b=content.txt",
            "show --set-file a=nowhere",
            "show --set-file a={content.txt",
            "show --set-file list={content.txt,nowhere}",
            "show --set-file list={}",
            "show --set a=text --set-file a.b={content.txt}",
            "show -s templates/nowhere.yaml",
            "show -s [",
            "show -s templates/hook.yaml --no-hooks",
            "show -s crds/crd.yaml",
            "show --kube-version soon",
            "show --kube-version 1",
            "show --kube-version 01.2",
            "show --verify",
            "show --dry-run=none",
            "show --dry-run=false",
            "show --dry-run=maybe",
            "oci://127.0.0.1:1/x:1.0.0 --version 2.0.0",
        ];
        let mut pairs: Vec<Pair> = lines.map(|line| self.pair(line)).into();
        let own = [
            "",
            "show --nonsense",
            "show --include-crds=maybe",
            "show --repo http://127.0.0.1:1",
            "http://127.0.0.1:1/x.tgz",
            "oci://127.0.0.1:1/x",
            "show -f http://127.0.0.1:1/values.yaml",
            "show --registry-config no-chart",
            "show --registry-config broken.yaml",
            "oci://127.0.0.1:1/x --registry-config broken.yaml",
            "show --validate",
            "show --dry-run=server",
            "show --post-renderer cat",
            "show -f \"a",
        ];
        pairs.extend(own.map(|line| self.pair(line).own_words()));
        pairs.push(Pair::new("no name", &self.0, &["", "show"]));
        pairs
    }
}
