"""An output's text is read as it was meant, or refused with the nearest right form: never a folder by accident."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from higan_cam.config import StoreConfig
from higan_cam.errors import ConfigError, HiganCamError
from higan_cam.store import store as store_module
from higan_cam.store.places.memory import memory_backend
from higan_cam.store.store import open_store
from higan_cam.store.uris import Place, read_place

SECRET = "hunter2"  # noqa: S105


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, which is also the user's home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        *("runs/x #1", "a b", "[1]", "007", "on", "2026-11-29", "runs/12:30", "12:30", "lr:0.1", "run:1", "cost$"),
        *("50%", "a%20b", "a%b%c", "x@y", "what?", "[ab]*", "räume", "s3", "s3/run", "local/x", "data/gs/x", ".", "-x"),
        *("{a}", "a=b", "a,b", "(1)", "a&b", "a'b", 'a"b', "~x~/..", "a~b"),
    ],
)
def test_odd_names_of_folders_are_folders(name: str, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.expanduser", lambda path: path.replace("~x~", "x"))
    assert read_place(name) == Place("file", str(here / name.replace("~x~", "x")))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("file:/x/run", "/x/run"),
        ("file://localhost/x/run", "/x/run"),
        ("FILE:///x/run/", "/x/run"),
        ("local:///x/run", "/x/run"),
        ("file:///x/a%20b/run", "/x/a b/run"),
        ("file:///x/a b/r%C3%A4ume", "/x/a b/räume"),
        ("file:///x/%24HOME/%23%3F", "/x/$HOME/#?"),
        ("/x/a%20b", "/x/a%20b"),
    ],
)
def test_file_uris_are_decoded_and_paths_are_not(text: str, path: str) -> None:
    assert read_place(text) == Place("file", path)


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("s3://bucket/run/", "s3://bucket/run"),
        ("S3://Bucket/Run", "s3://Bucket/Run"),
        ("s3a://bucket/run", "s3://bucket/run"),
        ("gcs://bucket/run", "gs://bucket/run"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/a%20b", "s3://bucket/a%20b"),
        ("s3://bucket/a b", "s3://bucket/a b"),
        ("gs://bucket/run@v2", "gs://bucket/run@v2"),
        ("s3://bucket/12:30", "s3://bucket/12:30"),
    ],
)
def test_object_stores_are_read_in_either_case_and_not_decoded(text: str, uri: str) -> None:
    assert read_place(text).uri == uri


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("s3:/bucket/run", "s3://bucket/run"),
        ("s3:bucket/run", "s3://bucket/run"),
        ("s3//bucket/run", "s3://bucket/run"),
        ("gs:/bucket/run", "gs://bucket/run"),
        ("gcs:bucket", "gs://bucket"),
        ("s3n://bucket/run", "s3://bucket/run"),
        ("ss3://bucket/run", "s3://bucket/run"),
        (r"s3:\\bucket\run", "s3://bucket/run"),
        ("/home/me/s3:/bucket/run", "s3://bucket/run"),
        ("./s3:/bucket/run", "s3://bucket/run"),
        ("s3://bucket/run ", "s3://bucket/run"),
        ("\ts3://bucket/run\n", "s3://bucket/run"),
        ("'s3://bucket/run'", "s3://bucket/run"),
        ("“runs/x”", "runs/x"),
        ("s3:///bucket/run", "s3://bucket/run"),
        ("s3:///key", "s3://BUCKET/key"),
        ("s3://", "s3://bucket/folder"),
        ("s3://bucket//run", "s3://bucket/run"),
        ("s3://bucket/../run", "s3://bucket/run"),
        ("s3://<bucket>/run", "s3://bucket/folder"),
        ("s3://minio:9000/bucket/run", "s3://bucket/run"),
        ("arn:aws:s3:::bucket/run", "s3://bucket/run"),
        ("arn:aws-cn:s3:::bucket/*", "s3://bucket"),
        ("https://bucket.s3.amazonaws.com/run/1", "s3://bucket/run/1"),
        ("https://s3.eu-west-1.amazonaws.com/bucket/run", "s3://bucket/run"),
        ("https://bucket.s3.amazonaws.com/run?X-Amz-Signature=hunter2", "s3://bucket/run"),
        ("bucket.s3.eu-west-1.amazonaws.com/run?sig=hunter2", "s3://bucket/run"),
        ("https://storage.googleapis.com/bucket/run", "gs://bucket/run"),
        ("https://console.cloud.google.com/storage/browser/bucket/run", "gs://bucket/run"),
        ("dbfs:/mnt/x", "/dbfs/mnt/x"),
        ("dbfs:/Volumes/c/s/v", "/Volumes/c/s/v"),
        ("file:relative", "relative"),
        ("file://runs/x", "runs/x"),
        ("file://~/x", "~/x"),
        ("file:///~/x", "~/x"),
        ("$HOME/runs/x", "~/runs/x"),
        ("${HOME}/x", "~/x"),
        (r"%USERPROFILE%\x", "~/x"),
        (r"C:\runs\x", "/runs/x"),
        ("C:/runs/x", "/runs/x"),
        (r"runs\x", "runs/x"),
        ("runs/x ", "runs/x"),
        ("~nobody_here/x", "./~nobody_here/x"),
    ],
)
def test_what_looks_like_a_uri_and_is_none_is_refused_with_the_nearest_form(text: str, nearest: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_place(text)
    assert f"did you mean {nearest!r}?" in str(caught.value)
    assert SECRET not in str(caught.value)
    if "BUCKET" not in nearest:
        assert read_place(nearest).path.strip("/")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hdfs://namenode:9000/run", "protocol 'hdfs' has no exclusive writes"),
        ("az://container/run", "protocol 'az'"),
        ("abfs://container@account.dfs.core.windows.net/run", "protocol 'abfs'"),
        ("foo:/run", "protocol 'foo'"),
        ("http:x", "protocol 'http'"),
        ("arn:aws:s3:us-east-1:123456789012:accesspoint/name", "Amazon's name"),
        ("://bucket/run", "looks like a URI"),
        ("s3://[::1", "bucket"),
        ("s3://../run", "'..'"),
        ("gs://bucket/object#1234", "leave it out"),
        ("file:///x/run #1", "%23"),
        ("file:///x/run?1", "%3F"),
        ("file:///x/%00", "control character"),
        ("file://", "names no folder"),
        ("/..", "root of the file system"),
        ("a\0b", "control character"),
        ("a\nb", "control character"),
        ("\ud800", "not text"),
        ("${X}/y", "variable"),
        ("runs/$USER/x", "variable"),
        ("s3://bucket/$RUN", "variable"),
        ("{{ ds }}/x", "variable"),
        ("$(date)", "variable"),
        (r"\\server\share", "backslashes"),
    ],
)
def test_what_has_no_nearest_form_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(text)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["$HOME/x", "x/s3:/bucket/run", r"C:\x", "100%/%TEMP%/x", "{{a}}", r"a\b"])
def test_a_folder_of_that_very_name_can_be_given_as_the_error_says(name: str, here: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read_place(name)
    place = read_place(str(caught.value).partition("very name give '")[2].partition("'")[0])
    assert place.path == f"{here}/{name}"
    assert read_place(place.uri) == place


def test_a_store_travels_from_a_working_directory_of_any_name(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = here / "$USER s3:" / r"a\b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    store = open_store("run")
    assert store.root == str(folder / "run")
    assert store.uri.startswith("file:///")
    assert pickle.loads(pickle.dumps(store)) == store  # noqa: S301
    assert open_store(f"{store.uri}/warmth").root == str(folder / "run" / "warmth")


def test_a_working_directory_that_is_gone_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "gone").mkdir()
    monkeypatch.chdir(here / "gone")
    (here / "gone").rmdir()
    for text in ("run", "$X/run"):
        with pytest.raises(ConfigError, match=r"working directory that is gone|variable"):
            open_store(text)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every object store is the one in memory: only the text is looked at."""
    for protocol in ("s3", "gs"):
        monkeypatch.setitem(store_module._OPENERS, protocol, lambda _: memory_backend())


_KNOWN = "s3 S3 s3a s3n gs gcs file local memory arn dbfs http https az x C"
_PIECES = (
    "bucket run .. . ~ ~x %20 % %ff %00 $HOME ${X} %TEMP% #1 ? [ ] @ : ' {{ \\ é localhost host:9000 b.s3.amazonaws.com"
)
_ODD = ("key:secret@host", "aws:s3:::b", "", "a b", "\x00", "\n", "\ud800", "\udcff", "x" * 5000)
_SCHEMES = st.sampled_from([*_KNOWN.split(), ""])
_MARKS = st.sampled_from([":", ":/", "://", ":///", "//", ":\\\\", "", " ", "::"])
_PARTS = st.sampled_from([*_PIECES.split(), *_ODD])
_URIS = st.builds(lambda scheme, mark, parts: scheme + mark + "/".join(parts), _SCHEMES, _MARKS, st.lists(_PARTS))


@pytest.mark.usefixtures("no_network")
@given(text=st.one_of(_URIS, st.text(), st.text("/:\\$%{}~@?#. as3'\"", max_size=12)))
@example(text="s3://[")
@example(text="~\0")
def test_any_text_opens_as_a_place_that_reads_the_same_again_or_is_our_error(text: str) -> None:
    try:
        store, said = open_store(text, StoreConfig()), None
    except HiganCamError as error:
        store, said = None, str(error)
    if store is None:
        assert re.fullmatch(r"output: .+", said or "")
        return
    store.uri.encode()
    again = open_store(store.uri)
    assert (again, again.root) == (store, store.root)
    assert store.root.startswith("/") or "://" in store.uri


@given(
    scheme=st.sampled_from(["s3", "S3", "s3a", "s3n", "gs", "https", "abfs", "file", "hdfs"]),
    mark=st.sampled_from([":", ":/", "://", ":///", ":\\\\"]),
    form=st.sampled_from(
        [
            *("key:{}@bucket/run", "key:a/{}@bucket/run", "{}@bucket/run", "{}:x@bucket/run", "bucket/run?token={}"),
            *("bucket/run#{}", "bucket?{}", "b.s3.amazonaws.com/x?sig={}", "key:{}@b.s3.amazonaws.com/x", "[key:{}@b"),
        ]
    ),
    around=st.sampled_from(["{}", "{} ", "'{}'", "./{}", "/x/{}", "$X{}", "{}\n", "{}\\"]),
)
def test_secrets_are_refused_and_never_repeated(scheme: str, mark: str, form: str, around: str) -> None:
    text = around.format(f"{scheme}{mark}{form.format(SECRET)}")
    if text[0] in "./" and "/" not in mark:
        return  # a folder with a colon in its name
    with pytest.raises(HiganCamError) as caught:
        read_place(text)
    assert SECRET not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"
