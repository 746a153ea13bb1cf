"""JupyterLab in a real browser: a server, a page on a notebook, and a line to its kernel."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars")  # fmt: skip
# Not ours: what JupyterLab and Chromium themselves say on a machine without network.
HARMLESS = ("favicon", "ResizeObserver loop", "api/contents/", "Failed to load resource", "net::ERR_")


def chromium() -> str | None:
    """Path of the browser, or None."""
    return next((found for name in CHROMIUM if (found := shutil.which(name))), None)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Lab:
    """A JupyterLab server of its own, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(
            '{"fetchNews": "false", "checkForUpdates": false}'
        )
        (folder / "notebooks").mkdir()
        command = [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={self.port}",
            "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--ServerApp.password=",
            "--ServerApp.disable_check_xsrf=True", "--ServerApp.open_browser=False",
            f"--ServerApp.root_dir={folder / 'notebooks'}", "--LabApp.expose_app_in_browser=True",
        ]  # fmt: skip
        private = {"JUPYTERLAB_SETTINGS_DIR": folder / "settings", "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
                   "JUPYTER_CONFIG_DIR": folder / "config", "JUPYTER_RUNTIME_DIR": folder / "runtime"}  # fmt: skip
        environment = (
            os.environ | {name: str(value) for name, value in private.items()} | {"TQDM_DISABLE": "1"}
        )
        self._log = (folder / "server.log").open("w")
        self._server = subprocess.Popen(command, env=environment, stdout=self._log, stderr=subprocess.STDOUT)
        self._wait()

    def _wait(self) -> None:
        for _ in range(240):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/api", timeout=2):
                return
            if self._server.poll() is not None:
                break
            time.sleep(0.25)
        raise RuntimeError(f"JupyterLab did not start:\n{(self.folder / 'server.log').read_text()[-3000:]}")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def write(self, name: str, cells: list[str]) -> None:
        """Write a notebook of code cells."""
        made = [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"c{i}",
                "metadata": {},
                "outputs": [],
                "source": text,
            }
            for i, text in enumerate(cells)
        ]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        (self.folder / "notebooks" / name).write_text(
            json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
        )

    def save_widget_state(self) -> None:
        """Switch on what a user would: Settings, Save Widget State Automatically."""
        settings = self.folder / "settings" / "@jupyter-widgets" / "jupyterlab-manager"
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "plugin.jupyterlab-settings").write_text('{"saveState": true}')

    def close(self) -> None:
        """End the server and its kernels."""
        self._server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._server.wait(15)
        self._server.kill()
        self._log.close()


@dataclass
class Notebook:
    """A notebook in the browser.

    Attributes
    ----------
    page
        Playwright's page.
    errors
        Errors on its console so far.
    foreign
        Requests that tried to leave the machine.
    """

    page: Any
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._request)

    def _console(self, message: Any) -> None:
        if message.type == "error" and not any(word in message.text for word in HARMLESS):
            self.errors.append(message.text)

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "file:")):
            self.foreign.append(request.url)

    def run_all(self, timeout_s: float = 120) -> None:
        """Run all cells by command, after the kernel is ready, and wait until every prompt has a number."""
        self.page.evaluate(
            """async () => {
              const wait = (test) => new Promise((done) => {
                const look = () => (test() ? done() : setTimeout(look, 50));
                look();
              });
              await wait(() => window.jupyterapp?.shell?.currentWidget?.context);
              const widget = window.jupyterapp.shell.currentWidget;
              await widget.context.ready; await widget.sessionContext.ready; await widget.revealed;
              await window.jupyterapp.commands.execute('notebook:run-all-cells');
            }"""
        )
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if failed := self.page.locator(
                ".jp-OutputArea-output[data-mime-type$=stderr] >> text=Traceback"
            ).all_inner_texts():
                raise AssertionError("\n".join(failed))
            prompts = self.page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
            if prompts and all(text.strip("[]: \n").isdigit() for text in prompts):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"The notebook did not run to its end: {prompts}\n{self.outputs()}")

    def theme(self, name: str) -> None:
        """Change to the theme Light or Dark between splashes: JupyterLab fails where one begins as another fades."""
        theme, quiet = f"JupyterLab {name}", "!document.querySelector('#jupyterlab-splash')"
        self.page.wait_for_function(f"() => window.jupyterapp && {quiet}")
        self.page.evaluate(
            "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme
        )
        self.page.wait_for_function(
            f"(theme) => document.body.dataset.jpThemeName === theme && {quiet}", arg=theme
        )

    def outputs(self) -> str:
        """All text below the cells."""
        return "\n".join(self.page.locator(".jp-OutputArea-output").all_inner_texts())

    def kernel(self, code: str) -> str:
        """Run code in the notebook's kernel and return what it printed; an error there fails here."""
        found = self.page.evaluate(
            """async (code) => {
              const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
              const future = kernel.requestExecute({code, store_history: false});
              let text = "", error = null;
              future.onIOPub = (m) => {
                if (m.header.msg_type === "stream") text += m.content.text;
                if (m.header.msg_type === "error") error = m.content.traceback.join("\\n");
              };
              await future.done;
              return {text, error};
            }""",
            code,
        )
        assert found["error"] is None, found["error"]
        return str(found["text"]).strip()

    def until(self, expression: str, expected: str, timeout_s: float = 10) -> None:
        """Wait until an expression in the kernel has this text."""
        end = time.monotonic() + timeout_s
        while (seen := self.kernel(f"print({expression})")) != expected:
            assert time.monotonic() < end, f"{expression} stayed {seen!r}, expected {expected!r}"
            self.page.wait_for_timeout(50)

    def check(self) -> None:
        """No errors on the console, no request that leaves the machine."""
        assert not self.errors, "\n".join(self.errors)
        assert not self.foreign, "\n".join(self.foreign)
