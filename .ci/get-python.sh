#!/usr/bin/env bash
# .ci/get-python.sh VERSION FOLDER: puts Debian's own CPython VERSION into FOLDER, for Debian 12.
#
# A newer CPython than the release has is in the archive of a later one. Its packages are only
# unpacked, with the C library they need, and the interpreter is told to use that: the system's
# packages stay as they are. The archive is the one that apt is set up with.
set -euo pipefail

version=$1
folder=$2
suite=${DEBIAN_SUITE:-forky} # the release that has it

fail() {
    echo "get-python.sh: $*" >&2
    exit 1
}

command -v apt-get >/dev/null || fail "there is no apt here: install CPython $version yourself"
command -v patchelf >/dev/null || fail "patchelf is missing: apt-get install patchelf"

. /etc/os-release
archive=$(apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' "Codename: ${VERSION_CODENAME:-}" | sort -u | head -n 1)
[ -n "$archive" ] || fail "apt knows no archive of ${VERSION_CODENAME:-this system}: apt-get update"

# An apt of its own: other sources, its own lists, and a system on which nothing is installed.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch"/{lists,archives}/partial
: >"$scratch/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $archive $suite main" >"$scratch/sources.list"
apt=(
    apt-get -qq
    -o Dir::Etc::SourceList="$scratch/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
    -o Dir::State::Lists="$scratch/lists" -o Dir::State::status="$scratch/status"
    -o Dir::Cache="$scratch" -o Dir::Cache::Archives="$scratch/archives"
    -o APT::Sandbox::User="$(id -un)" -o APT::Update::Post-Invoke-Success::=
    -o Acquire::Languages=none
)
"${apt[@]}" update
# With Python's own tests, which Debian packs apart: ours run them with the task hook.
"${apt[@]}" --yes --download-only --no-install-recommends install \
    "python$version-venv" "libpython$version-testsuite" >/dev/null

rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
for package in "$scratch"/archives/*.deb; do
    dpkg-deb --extract "$package" "$folder"
done

python=$folder/usr/bin/python$version
loader=$(find "$folder/usr/lib" -name 'ld-linux-*.so.*' | head -n 1)
[ -n "$loader" ] || fail "no loader among the packages of $suite"
patchelf --set-interpreter "$loader" --force-rpath --set-rpath "${loader%/*}" "$python"
# Where ensurepip looks for its wheels.
grep -rlF /usr/share/python-wheels "$folder/usr/lib/python$version" --include='*.py' |
    xargs --no-run-if-empty sed -i "s#/usr/share/python-wheels#$folder/usr/share/python-wheels#"
"$python" -VV
