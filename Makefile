# Every target is one documented Python command after the set-up; without make, type it
# yourself (README.md). Paths are relative, so a clone in "a folder with spaces" works.
#
#   make llm                    text -> tokenizer -> model -> chat, in runs/default
#   make llm SOURCE=my/texts    the same on your own text, in runs/texts
#   make llm RUN=second         the same in runs/second
#   make test                   every test and every notebook
#   make chat RUN=second        talk to the model of a run
#   make notebooks              open the book in JupyterLab
#   make exercises CH=03        grade your answers to a chapter's exercises
#
# PYTHON=python3.12 names the interpreter; TORCH_INDEX=https://download.pytorch.org/whl/cpu
# spares Linux readers without a GPU the CUDA packages.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help llm test chat notebooks exercises
.DELETE_ON_ERROR:

VENV := .venv/bin/python
INSTALL := $(VENV) -m pip install --disable-pip-version-check

help:
	@sed -n '3,13s/^# \{0,1\}//p' Makefile

llm: .venv/core
	@$(VENV) -m common.pipeline $(if $(SOURCE),--source "$$SOURCE") $(if $(RUN),--out "runs/$$RUN")

# The quick run is made (or found finished) first: notebooks and tests look into it.
test: .venv/test
	@$(VENV) -m common.pipeline --preset quick --out runs/quick
	@$(VENV) -m pytest -n logical --maxprocesses 4 --dist loadfile --durations 15

chat: .venv/core
	@$(VENV) -m common.chat $(if $(RUN),--model "runs/$$RUN/model")

notebooks: .venv/core
	@$(VENV) -m jupyter lab

exercises: .venv/core
	@$(VENV) -m common.exercises $(if $(CH),"$$CH",--list)

# torch first and alone: whatever pulls it in later finds it there.
.venv/core: requirements.txt pyproject.toml
	@$(find_python); \
	if ! $(VENV) -m pip --version >/dev/null 2>&1; then \
	  echo "Making .venv with $$("$$python" --version) ..."; \
	  "$$python" -m venv --clear .venv; \
	fi
	@echo "Installing PyTorch (large: minutes, once) ..."
	@$(INSTALL) $(if $(TORCH_INDEX),--index-url "$$TORCH_INDEX") "$$(grep '^torch==' requirements.txt)"
	@echo "Installing the other libraries (a minute or two, once) ..."
	@$(INSTALL) --quiet -r requirements.txt
	@touch .venv/core

.venv/test: .venv/core
	@echo "Installing what the tests compare with (once) ..."
	@$(INSTALL) --quiet -e '.[test]'
	@touch .venv/test

# Sets $$python to an interpreter that will do, or says in one line what is missing.
define find_python
set -e; python=""; \
for candidate in "$(or $(PYTHON),python3)" $(if $(PYTHON),,python3.14 python3.13 python3.12 python3.11 python); do \
  "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
  python="$$candidate"; break; \
done; \
if [ -z "$$python" ]; then \
  echo "error: $(or $(PYTHON),python3) is missing or older than 3.11: install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; \
fi; \
if ! "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then \
  echo "error: $$python lacks the venv module: install it (Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; \
fi
endef
