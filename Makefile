# make run, make test: nothing else is needed beside Python 3.13, Node.js (20 or later) and npm.
PYTHON ?= python3.13
BIN := .venv/bin
CODE := ReceiveNotification RenewSubscriptions shared cli dashboard sandbox tests benchmarks teams_events infra examples
PINNED := --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make requirements"
COMPILE := $(BIN)/uv pip compile pyproject.toml $(PINNED)
COMPILE_AUDIT := $(BIN)/uv pip compile --group pyproject.toml:audit $(PINNED)
COMPILE_AZ := $(BIN)/uv pip compile --group pyproject.toml:azure-cli $(PINNED)
COMPILE_HUBS := $(BIN)/uv pip compile --group pyproject.toml:eventhubs $(PINNED)
COMPILE_BROWSER := $(BIN)/uv pip compile --group pyproject.toml:browser $(PINNED)

# What of tests/ starts services throughout, and need not be collected to be left out.
SERVED := integration end_to_end flows model simulation

# What a recipe does where it cannot go on.
stop = { echo "$(1)" >&2; exit 1; }
VERSION := 'import sys; print("%d.%d" % sys.version_info[:2])'

# What npm installs: the storage emulator, and what the example in TypeScript needs.
PACKAGES := sandbox/node_modules/installed examples/typescript/node_modules/installed

# All files with pinned packages.
LOCKED := requirements.txt requirements-dev.txt infra/audit-requirements.txt \
	sandbox/eventhubs/requirements.txt sandbox/arm/requirements.txt tests/dashboard/requirements.txt tests/hostile/requirements.txt

# Every process that is started would compile again what it imports.
unexport PYTHONDONTWRITEBYTECODE

# pip and npm install side by side.
MAKEFLAGS += --jobs=2

.PHONY: help run cli interpreter event-hubs browser screenshot drawing test unit check format bench bench-quick chaos chaos-test simulation fuzz guards hooks-test docs-check infra package vulnerabilities pin schemas samples requirements clean
.DEFAULT_GOAL := help

help:  ## List the targets
	@sed -nE -e 's/^##@ (.*)/\n\1:/p' -e 's/^([a-z-]+):.*## (.*)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 24

##@ Everyday

run: .venv/installed sandbox/node_modules/installed  ## Watch the app at work on this machine (ARGS=--once: play the scene and end)
	$(BIN)/python -m sandbox $(ARGS)

cli: .venv/installed  ## Run an operator's command (ARGS="subscriptions list"; without any, list them). Needs no npm
	@$(BIN)/python -m cli $(or $(ARGS),--help)

event-hubs: .venv/eventhubs  ## Install what the sandbox's event hub needs, for its tests and ARGS="--sink event-hub"

browser: .venv/browser tests/dashboard/node_modules/installed  ## Install what the live page's tests in a browser need, beside Debian's chromium

test: .venv/installed $(PACKAGES)  ## Run all tests (ARGS=... goes to pytest)
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadgroup $(ARGS)

unit: .venv/installed  ## Run the tests that start no service
	$(BIN)/python -m pytest -n auto --maxprocesses 8 -m "not slow" $(SERVED:%=--ignore=tests/%) $(ARGS)

check: .venv/installed  ## Check format, lint, types, import contracts, workflows, and that requirements match pyproject.toml
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	cp requirements.txt requirements-dev.txt .venv/
	cp sandbox/eventhubs/requirements.txt .venv/requirements-eventhubs.txt
	cp tests/dashboard/requirements.txt .venv/requirements-browser.txt
	$(COMPILE) -o .venv/requirements.txt
	$(COMPILE) --group dev -c requirements.txt -o .venv/requirements-dev.txt
	$(COMPILE_HUBS) -c requirements-dev.txt -o .venv/requirements-eventhubs.txt
	$(COMPILE_BROWSER) -c requirements-dev.txt -o .venv/requirements-browser.txt
	cp infra/audit-requirements.txt .venv/requirements-audit.txt
	cp sandbox/arm/requirements.txt .venv/requirements-azure-cli.txt
	$(COMPILE_AUDIT) -o .venv/requirements-audit.txt
	$(COMPILE_AZ) -o .venv/requirements-azure-cli.txt
	diff requirements.txt .venv/requirements.txt
	diff requirements-dev.txt .venv/requirements-dev.txt
	diff sandbox/eventhubs/requirements.txt .venv/requirements-eventhubs.txt
	diff tests/dashboard/requirements.txt .venv/requirements-browser.txt
	diff infra/audit-requirements.txt .venv/requirements-audit.txt
	diff sandbox/arm/requirements.txt .venv/requirements-azure-cli.txt

format: .venv/installed  ## Format the code, and fix what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

##@ Campaigns

guards: .venv/installed sandbox/node_modules/installed  ## Take every check out in turn: a test must fail without it
	$(BIN)/python -m tests.guards $(ARGS)

chaos: .venv/installed sandbox/node_modules/installed  ## Make everything fail in turn while people work in Teams (ARGS="--minutes 5 --seed 1")
	$(BIN)/python -m tests.chaos $(ARGS)

chaos-test: .venv/installed sandbox/node_modules/installed  ## Test every fault by itself, and that runs and laws fail without a part of the app
	$(BIN)/python -m pytest -m chaos tests/chaos/test_single_faults.py $(ARGS)
	$(BIN)/python -m pytest -m chaos -n auto --maxprocesses 2 --dist loadgroup --ignore=tests/chaos/test_single_faults.py tests/chaos tests/model $(ARGS)

simulation: .venv/installed sandbox/node_modules/installed  ## Play three days with faults, 10,000 random histories, 1,000 audits (ARGS="--histories 500")
	$(BIN)/python -m tests.simulation $(ARGS)

fuzz: .venv/installed .venv/fuzzer  ## Search for hostile bodies, guided by the code they reach (Linux on x86-64; ARGS=-runs=100000)
	$(BIN)/python -m tests.hostile.fuzz $(ARGS)

bench: .venv/installed .venv/eventhubs sandbox/node_modules/installed  ## Measure what all costs, and write docs/performance.md (BASE="commits to compare with")
	$(BIN)/python -m benchmarks $(if $(ARGS),,--write) $(BASE:%=--base %) $(ARGS)

bench-quick: .venv/installed sandbox/node_modules/installed  ## See in a minute that all can be measured; the figures mean nothing
	$(BIN)/python -m benchmarks --quick $(ARGS)

hooks-test: .venv/installed .azure-cli/installed sandbox/node_modules/installed  ## Run the hooks of azd by the real az against a cloud on loopback (installs the Azure CLI, 380 MB)
	$(BIN)/python -m pytest tests/infra/test_hooks_with_az.py tests/infra/test_hook_commands.py $(ARGS)

docs-check: .venv/installed .azure-cli/installed  ## Have the real az read every az line of README, docs and remedies, and a table those of azd and func
	$(BIN)/python -m pytest tests/infra/test_documented_commands.py $(ARGS)

##@ Deployment

infra: .venv/installed  ## Build, lint and format the template, and hold it against its snapshots (ARGS=--write makes them anew)
	$(BIN)/python -m infra.check $(ARGS)

package: .venv/installed  ## Make what is deployed: dist/app, with its packages, and dist/app.zip
	$(BIN)/python -m infra.package $(ARGS)

vulnerabilities: .venv/audit/installed  ## Ask PyPI for known vulnerabilities of the locked packages (fails where it does not answer)
	.venv/audit/bin/pip-audit --strict --disable-pip --require-hashes $(LOCKED:%=-r %)

pin: .venv/installed  ## Name the actions of the workflows by hash (asks GitHub for their tags)
	$(BIN)/python -m infra.pin

##@ Other

schemas: .venv/installed  ## Generate the JSON Schemas and TypeScript declarations of the events from their types
	$(BIN)/python -m teams_events.generate

screenshot: .venv/browser sandbox/node_modules/installed  ## Take the picture of the live page in docs/pictures
	$(BIN)/python -m tests.dashboard.screenshot docs/pictures/live-page.png

drawing: .venv/installed  ## Draw the picture at the top of README anew
	$(BIN)/python -m tests.drawing.flow docs/pictures/flow.svg

samples: .venv/installed sandbox/node_modules/installed  ## Have the sandbox make the sample events in docs/samples
	$(BIN)/python -m sandbox samples docs/samples

requirements: .venv/installed  ## Compile all requirements from pyproject.toml (ARGS=--upgrade)
	$(COMPILE) $(ARGS) -o requirements.txt
	$(COMPILE) $(ARGS) --group dev -c requirements.txt -o requirements-dev.txt
	$(COMPILE_HUBS) $(ARGS) -c requirements-dev.txt -o sandbox/eventhubs/requirements.txt
	$(COMPILE_BROWSER) $(ARGS) -c requirements-dev.txt -o tests/dashboard/requirements.txt
	$(COMPILE_AUDIT) $(ARGS) -o infra/audit-requirements.txt
	$(COMPILE_AZ) $(ARGS) -o sandbox/arm/requirements.txt

clean:  ## Remove what the other targets have installed
	rm -rf .venv .azure-cli sandbox/node_modules examples/typescript/node_modules tests/dashboard/node_modules

# What stops a first run is one sentence. A .venv outlives the Python that it was made with, by that of the next system.
interpreter:
	@if [ -e .venv ]; then \
		[ "$$($(BIN)/python -c $(VERSION) 2>/dev/null)" = 3.13 ] || \
			$(call stop,The .venv of this clone is not of Python 3.13: remove it with 'make clean' and try again.); \
	else \
		command -v $(PYTHON) >/dev/null || \
			$(call stop,Python 3.13 is missing: install it or name it (make PYTHON=/path/to/python3.13).); \
		[ "$$($(PYTHON) -c $(VERSION))" = 3.13 ] || \
			$(call stop,$(PYTHON) is not Python 3.13: name one that is (make PYTHON=/path/to/python3.13).); \
	fi

.venv/installed: requirements-dev.txt | interpreter
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements-dev.txt
	touch $@

.venv/eventhubs: .venv/installed sandbox/eventhubs/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
		-r sandbox/eventhubs/requirements.txt
	touch $@

.venv/browser: .venv/installed tests/dashboard/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
		-r tests/dashboard/requirements.txt
	touch $@

.venv/audit/installed: infra/audit-requirements.txt | .venv/installed
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r $<
	touch $@

# A virtual environment of its own: it pins much that the app has in other versions.
.azure-cli/installed: sandbox/arm/requirements.txt | .venv/installed
	$(PYTHON) -m venv .azure-cli
	$(BIN)/uv pip install --quiet --python .azure-cli --compile-bytecode --require-hashes -r $<
	touch $@

.venv/fuzzer: .venv/installed tests/hostile/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r tests/hostile/requirements.txt
	touch $@

%/node_modules/installed: %/package-lock.json | interpreter
	@command -v npm >/dev/null || $(call stop,npm is missing: install Node.js 20 or later with npm.)
	@[ "$$(node -p 'process.versions.node.split(".")[0] >= 20' 2>/dev/null)" = true ] || \
		$(call stop,Node.js is missing or older than 20: install a later one.)
	npm ci --prefix $* --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@
