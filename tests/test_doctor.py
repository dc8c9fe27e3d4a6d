"""doctor: what works on this machine."""

import torch


def test_doctor_names_versions_device_home_and_store(cli, home, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    code, out, err = cli("doctor")
    assert code == 0, err
    assert torch.__version__.split("+")[0] in out
    assert str(home) in out
    assert "http://127.0.0.1:9" in out


def test_doctor_says_what_is_absent(cli, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("cytolapse.commands.doctor.NEEDED", ("no-such-package",))
    _, out, _ = cli("doctor")
    assert "absent: run `make install`" in out
    assert "absent: needed for mlflow run --env-manager uv" in out
