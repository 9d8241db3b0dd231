"""The preflight of plugins, on libraries of our own making: each has one thing wrong, and nothing loads it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap import glibc, llvm_tools, process
from bootstrap.diagnostics import Diagnostic, Failure
from bootstrap.llvm_tools import LlvmTools
from plugin.engines import link

pytestmark = pytest.mark.needs("opt-15", "clang-15")

ENTRY = "int llvmGetPassPluginInfo(void) { return 0; }\n"
Library = Callable[..., Path]


@pytest.fixture(scope="module")
def tools() -> LlvmTools:
    """The LLVM 15 of this machine."""
    return llvm_tools.find(15)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Makes a shared library of C; `soname` is its own name and its file's, `flags` are the linker's, `versions` a version script."""

    def made(text: str = ENTRY, *flags: str | Path, soname: str = "LLVMEnzyme-15.so", versions: str = "") -> Path:
        output = tmp_path / soname
        source, script = output.with_suffix(".c"), output.with_suffix(".map")
        source.write_text(text, encoding="utf-8")
        script.write_text(versions, encoding="utf-8")
        shape = ["-shared", "-fPIC", "-nostdlib", f"-Wl,-soname,{soname}", *([f"-Wl,--version-script={script}"] if versions else [])]
        done = process.run(["clang-15", *shape, source, "-Wl,--no-as-needed", *flags, "-o", output])
        assert done.status == 0, done.stderr
        return output

    return made


def refused(plugin: Path, tools: LlvmTools) -> Diagnostic:
    with pytest.raises(Failure) as caught:
        link.preflight(plugin, tools)
    assert caught.value.exit_status == 4
    [diagnostic] = caught.value.diagnostics
    return diagnostic


def test_a_plugin_that_asks_for_the_library_of_opt_is_loaded_where_it_is(library: Library, tools: LlvmTools, tmp_path: Path) -> None:
    assert tools.library is not None
    plugin = library(ENTRY, tools.library[1])
    found = link.preflight(plugin, tools)
    assert found is not None
    assert (found.library, found.major, found.has_entry, found.has_llvm) == ("libLLVM-15.so.1", 15, True, False)
    assert link.place(plugin, found, tools, tmp_path / "plugins") == plugin


def test_a_plugin_with_another_name_for_its_library_is_loaded_through_a_folder_that_has_the_name(
    library: Library, tools: LlvmTools, tmp_path: Path
) -> None:
    stub = library("int stub;", soname="libLLVM-15-0a1b.so.1")
    plugin = library(ENTRY, stub, "-Wl,-rpath,$ORIGIN/../lib")
    stub.unlink()
    found = link.preflight(plugin, tools)
    assert found is not None
    placed = link.place(plugin, found, tools, tmp_path / "plugins")
    assert placed.resolve() == plugin
    assert tools.library is not None
    assert (placed.parent.parent / "lib" / "libLLVM-15-0a1b.so.1").resolve() == tools.library[1].resolve()
    assert (tmp_path / "plugins").stat().st_mode & 0o777 == 0o700
    assert link.place(plugin, found, tools, tmp_path / "plugins") == placed
    assert len(list((tmp_path / "plugins").iterdir())) == 1
    placed.unlink()
    assert link.place(plugin, found, tools, tmp_path / "plugins") == placed
    assert placed.resolve() == plugin


def test_a_plugin_whose_run_path_has_another_llvm_is_refused(library: Library, tools: LlvmTools, tmp_path: Path) -> None:
    stub = library("int stub;", soname="libLLVM-15-0a1b.so.1")
    plugin = library(ENTRY, stub, f"-Wl,--disable-new-dtags,-rpath,{tmp_path}")
    found = link.preflight(plugin, tools)
    assert found is not None
    with pytest.raises(Failure, match=f"E0411.*would bring a second LLVM into `opt`: the loader gives .*{stub}"):
        link.place(plugin, found, tools, tmp_path / "plugins")


def test_a_library_that_the_loader_does_not_find_is_named(library: Library, tools: LlvmTools, tmp_path: Path) -> None:
    other = library("int other;", soname="libother.so.3")
    plugin = library(ENTRY, other)
    other.unlink()
    found = link.preflight(plugin, tools)
    assert found is not None
    with pytest.raises(Failure, match=r"E0408.*the loader does not find `libother.so.3`"):
        link.place(plugin, found, tools, tmp_path / "plugins")


def test_a_plugin_without_an_entry_is_another_kind(library: Library, tools: LlvmTools) -> None:
    told = refused(library("int llvmGetPassPluginInfo(void);\nint f(void) { return llvmGetPassPluginInfo(); }\n"), tools)
    assert told.code == "E0408"
    assert "does not export `llvmGetPassPluginInfo`" in told.message
    assert "ClangEnzyme" in told.notes[0]


@pytest.mark.parametrize("with_versions", [True, False])
def test_a_plugin_for_another_llvm_is_told_with_both_versions(library: Library, tools: LlvmTools, *, with_versions: bool) -> None:
    name = "libLLVM.so" if with_versions else "libLLVM-14.so.1"
    stub = library("int f(void) { return 0; }", soname=name, versions="LLVM_14 { global: f; };" if with_versions else "")
    told = refused(library(f"int f(void);\nint g(void) {{ return f(); }}\n{ENTRY}", stub), tools)
    assert told.code == "E0409"
    assert "was built for LLVM 14" in told.message
    assert f"is LLVM {tools.version}" in told.message


def test_a_plugin_for_a_newer_glibc_is_told_with_both_versions(library: Library, tools: LlvmTools) -> None:
    stub = library("int f(void) { return 0; }", soname="libc.so.6", versions="GLIBC_2.99 { global: f; };")
    told = refused(library(f"int f(void);\nint g(void) {{ return f(); }}\n{ENTRY}", stub), tools)
    assert (told.code, told.message.split(" needs ")[1]) == ("E0410", f"glibc 2.99, this machine has {glibc.installed()}")


def test_a_plugin_with_an_llvm_inside_is_refused(library: Library, tools: LlvmTools) -> None:
    told = refused(library(ENTRY + "int LLVMContextCreate(void) { return 0; }\n"), tools)
    assert (told.code, "it has an LLVM inside" in told.message) == ("E0411", True)


def test_an_opt_with_an_llvm_of_its_own_shares_it_with_no_plugin(library: Library, tools: LlvmTools) -> None:
    told = refused(library(), dataclasses.replace(tools, library=None))
    assert (told.code, "is linked with LLVM statically" in told.message) == ("E0411", True)


def test_a_plugin_for_another_machine_is_told_with_both(library: Library, tools: LlvmTools) -> None:
    plugin = library()
    data = bytearray(plugin.read_bytes())
    data[18:20] = (0xB7).to_bytes(2, "little")  # e_machine: AArch64
    plugin.write_bytes(data)
    told = refused(plugin, tools)
    assert told.code == "E0408"
    assert "it is for AArch64 of 64 bits" in told.message
    assert str(tools.opt) in told.message


@pytest.mark.parametrize("table", [".gnu.hash", ".hash", "no sections"])
def test_a_plugin_is_read_by_whatever_tables_it_has(library: Library, tools: LlvmTools, table: str) -> None:
    plugin = library(ENTRY, f"-Wl,--hash-style={'sysv' if table == '.hash' else 'gnu'}")
    if table == "no sections":
        data = bytearray(plugin.read_bytes())
        data[40:48], data[58:64] = bytes(8), bytes(6)  # e_shoff; e_shentsize, e_shnum, e_shstrndx
        plugin.write_bytes(data)
    found = link.preflight(plugin, tools)
    assert found is not None
    assert found.has_entry


@pytest.mark.parametrize("content", [b"", b"not a library\n", b"\x7fELF", b"\x7fELF\x02\x01\x01" + bytes(60)])
def test_a_file_that_is_no_library_is_refused(tools: LlvmTools, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plugin.so").write_bytes(content)
    told = refused(tmp_path / "plugin.so", tools)
    assert (told.code, "is no plugin that can be loaded" in told.message) == ("E0408", True)


def test_a_file_that_is_cut_off_is_refused(library: Library, tools: LlvmTools) -> None:
    plugin = library()
    whole = plugin.read_bytes()
    for size in range(0, len(whole), len(whole) // 40):
        plugin.write_bytes(whole[:size])
        try:
            link.preflight(plugin, tools)
        except Failure as failure:
            assert failure.diagnostics[0].code == "E0408"  # noqa: PT017 - what is cut off at its end may still have all that is asked


def test_a_file_that_is_not_there_is_told(tools: LlvmTools, tmp_path: Path) -> None:
    assert "No such file or directory" in refused(tmp_path / "plugin.so", tools).message


def test_a_mach_o_file_is_said_to_be_not_checked(tools: LlvmTools, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plugin.dylib").write_bytes(b"\xcf\xfa\xed\xfe" + bytes(28))
    assert link.preflight(tmp_path / "plugin.dylib", tools) is None
    assert "is a Mach-O file, and those are not checked" in capsys.readouterr().err
