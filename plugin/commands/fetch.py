"""`fetch [NAME]...`: bring the pinned artifacts into the store; with an option, tell what is there, verify it or throw away what is old."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

from bootstrap.artifact import Artifact
from bootstrap.console import console
from bootstrap.diagnostics import Diagnostic, Failure, program
from bootstrap.progress import readable
from bootstrap.store import Holding, State, Store
from plugin.engines import provider


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what is the command's own."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="an artifact; without one, all that are pinned for this machine")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="tell of each what it is, its licence, and whether it is here")
    what.add_argument("--verify", action="store_true", help="digest every byte of those that are here")
    what.add_argument(
        "--prune", action="store_true", help="remove what is no longer pinned and what broken fetches left; with NAMEs, these too"
    )


def run(options: argparse.Namespace) -> int:
    """Do what the options say.

    Raises `Failure`: E0305 (no such artifact), E0306 (not for this machine), E0310 (damaged), and what `Store.obtain` raises.
    """
    store = Store()
    named = [provider.artifact(name) for name in dict.fromkeys(options.names)]
    chosen = named or provider.artifacts()
    if options.prune:
        return _prune(store, named, options)
    if not chosen:
        console.status(f"nothing is pinned for this platform, {provider.host_platform()}")
    if options.list:
        _tell(store.holdings(chosen), options)
        return 0
    if options.verify:
        return _verify(store, chosen, options)
    return _fetch(store, chosen, options)


def _fetch(store: Store, chosen: Sequence[Artifact], options: argparse.Namespace) -> int:
    if options.dry_run:
        for holding in store.holdings(chosen):
            if holding.state is not State.PRESENT:
                console.status(f"would fetch {holding.artifact.name} {holding.artifact.version}: {readable(holding.artifact.wheel.size)}")
        return 0
    for artifact in chosen:
        store.obtain(artifact, offline=options.offline)
    _tell(store.holdings(chosen), options, brief=True)
    return 0


def _verify(store: Store, chosen: Sequence[Artifact], options: argparse.Namespace) -> int:
    holdings = [store.verify(artifact) for artifact in chosen]
    _tell(holdings, options, brief=True)
    damaged = [_damaged(holding) for holding in holdings if holding.state is State.DAMAGED]
    if damaged:
        raise Failure(*damaged)
    return 0


def _prune(store: Store, named: Sequence[Artifact], options: argparse.Namespace) -> int:
    keep = [artifact for artifact in provider.artifacts() if artifact not in named]
    folders = store.prune(keep, dry_run=options.dry_run)
    if options.json:
        print(json.dumps([str(folder) for folder in folders], indent=2))
        return 0
    for folder in folders:
        print(f"{'would remove' if options.dry_run else 'removed'} {folder}")
    return 0


def _damaged(holding: Holding) -> Diagnostic:
    name = holding.artifact.name
    return Diagnostic(
        code="E0310",
        message=f"`{name}` is not what was published",
        notes=(f"at: {holding.path}", f"pinned: sha256 {holding.artifact.sha256}"),
        help=(f"`{program()} fetch {name}` removes it and fetches it again",),
    )


def _tell(holdings: Sequence[Holding], options: argparse.Namespace, *, brief: bool = False) -> None:
    """Print what is known of each, on standard output."""
    if options.json:
        print(json.dumps([_record(holding) for holding in holdings], indent=2))
        return
    for holding in holdings:
        artifact = holding.artifact
        if brief:
            print(f"{artifact.name:10} {holding.state:8} {holding.path}")
            continue
        print(f"{artifact.name:10} {holding.state:8} {artifact.origin}, LLVM {artifact.llvm}")
        for name, value in _details(holding).items():
            print(f"    {name:8} {value}")


def _details(holding: Holding) -> dict[str, str]:
    artifact = holding.artifact
    files = f" in {artifact.content.files} files" if artifact.content.files > 1 else ""
    return {
        "for": artifact.purpose,
        "licence": artifact.license,
        "parts": artifact.parts,
        "size": f"{readable(artifact.content.size)}{files}, {readable(artifact.wheel.size)} to download",
        "sha256": artifact.sha256,
        "path": str(holding.path),
    }


def _record(holding: Holding) -> dict[str, object]:
    """All that is known, for other programs. `size` and `download` are in bytes; `wheel` is what the index is asked for."""
    artifact = holding.artifact
    return {
        "name": artifact.name,
        "state": holding.state,
        "path": str(holding.path),
        "platform": artifact.platform,
        "version": artifact.version,
        "llvm": artifact.llvm,
        "license": artifact.license,
        "parts": artifact.parts,
        "purpose": artifact.purpose,
        "size": artifact.content.size,
        "files": artifact.content.files,
        "sha256": artifact.sha256,
        "wheel": dataclasses.asdict(artifact.wheel),
    }
