#!/usr/bin/env bash
# Makes the documents of this folder anew, with the real sops. See README.md.
set -euo pipefail
cd "$(dirname "$0")"

export PATH="${GOBIN:?a folder with sops and age-keygen}:$PATH"
unset SOPS_AGE_KEY SOPS_AGE_RECIPIENTS

mkdir -p keys
for name in anna berta carl; do
    [ -f "keys/$name.agekey" ] || age-keygen -o "keys/$name.agekey" 2>/dev/null
done
[ -f keys/quantum.agekey ] || age-keygen -pq -o keys/quantum.agekey 2>/dev/null
[ -f keys/ssh.pub ] || { ssh-keygen -q -t ed25519 -N "" -C throw-away -f keys/ssh && rm keys/ssh; }
anna=$(age-keygen -y keys/anna.agekey)
berta=$(age-keygen -y keys/berta.agekey)
carl=$(age-keygen -y keys/carl.agekey)
quantum=$(age-keygen -y keys/quantum.agekey)
ssh=$(cut -d' ' -f1,2 keys/ssh.pub)
export SOPS_AGE_KEY_FILE=$PWD/keys/anna.agekey

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# seal NAME PLAIN RULES: NAME by the rules, in which sops itself finds NAME.expected.
seal() {
    printf 'creation_rules:\n  - %s\n' "$3" >"$work/sops.yaml"
    sops --config "$work/sops.yaml" encrypt --filename-override "$1" --input-type "${2##*.}" "plain/$2" >"$1"
    sops --config /dev/null decrypt --output-type json "$1" >"$1.expected"
}

seal values.yaml values.yaml "{age: $anna}"
seal values.json values.json "{age: $anna}"
seal sorted.json sorted.json "{age: $anna}"
seal odd.yaml odd.yaml "{age: $anna, unencrypted_regex: '^(base|copy|float|mode|open)$'}"
# sops' own JSON keeps merge keys as they are: nothing to compare with.
rm odd.yaml.expected
seal encrypted-regex.yaml secret.yaml "{age: $anna, encrypted_regex: '^(data|stringData)$'}"
seal unencrypted-regex.yaml secret.yaml "{age: $anna, unencrypted_regex: '^(apiVersion|kind|metadata|user)$'}"
seal encrypted-suffix.yaml values.yaml "{age: $anna, encrypted_suffix: word}"
seal unencrypted-suffix.yaml values.yaml "{age: $anna, unencrypted_suffix: s}"
seal mac-only-encrypted.yaml secret.yaml "{age: $anna, encrypted_regex: '^(data|stringData)$', mac_only_encrypted: true}"
seal mac-only-encrypted.json values.json "{age: $anna, encrypted_regex: '^(alpha|list)$', mac_only_encrypted: true}"
seal encrypted-comment.yaml comments.yaml "{age: $anna, encrypted_comment_regex: 'sops:enc'}"
seal unencrypted-comment.yaml open.yaml "{age: $anna, unencrypted_comment_regex: 'sops:plain'}"
seal release-one.yaml release-one.yaml "{age: $anna}"
seal release-two.yaml release-two.yaml "{age: $anna}"
seal recipients.yaml secret.yaml "{age: '$carl,$anna,$berta'}"
seal mixed.yaml secret.yaml "{age: '$ssh,$anna'}"

SOPS_AGE_KEY=$(grep -h AGE-SECRET keys/anna.agekey keys/berta.agekey keys/carl.agekey)
export SOPS_AGE_KEY
groups="key_groups: [{age: [$anna]}, {age: [$berta]}, {age: [$carl]}]"
seal two-of-three.yaml secret.yaml "{shamir_threshold: 2, $groups}"
seal three-of-three.json values.json "{$groups}"
seal others.yaml secret.yaml "{age: $berta}"
seal release-other.yaml release-two.yaml "{age: $berta}"
unset SOPS_AGE_KEY

# By an older version, if it is there: its metadata has lists that are empty.
if [ -n "${OLDER_SOPS:-}" ]; then
    "$OLDER_SOPS" --config /dev/null --encrypt --age "$anna" plain/older.yaml >older.yaml
    "$OLDER_SOPS" --config /dev/null --decrypt --output-type json older.yaml >older.yaml.expected
fi

# What is not opened here.
sops --config /dev/null encrypt --age "$anna" plain/infinite.yaml >infinite.yaml
sops --config /dev/null encrypt --age "$ssh" plain/secret.yaml >ssh.yaml
sops --config /dev/null encrypt --age "$quantum" plain/secret.yaml >quantum.yaml

export GNUPGHOME="$work/gnupg"
mkdir -m 700 "$GNUPGHOME"
gpg --quiet --batch --pinentry-mode loopback --passphrase "" --quick-generate-key "throw-away" ed25519 default never 2>/dev/null
gpg --quiet --batch --pinentry-mode loopback --passphrase "" --quick-add-key "$(gpg --list-keys --with-colons | awk -F: '/^fpr/ {print $10; exit}')" cv25519 encr never 2>/dev/null
pgp=$(gpg --list-keys --with-colons | awk -F: '/^fpr/ {print $10; exit}')
sops --config /dev/null encrypt --pgp "$pgp" plain/secret.yaml >pgp.yaml
gpgconf --kill all
