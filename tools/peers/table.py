"""The Markdown of docs/performance.md and the goals, from the figures alone. Every figure is a median of the runs."""

from statistics import median

BEGIN, END = "<!-- tools/peers: begin -->", "<!-- tools/peers: end -->"
CORES = {1: "one core", 2: "two cores"}
NAMES = {"csv": "CSV", "parquet": "Parquet"}
PEERS = {"polars-hash": "polars-hash", "datafusion": "DataFusion", "duckdb": "DuckDB"}
STEPS = ("prepare", "code", "attach", "renew")
MACS = {"hash": "sha256(key ‖ identifier) †", "hmac": "HMAC"}


def of(runs, what):
    """The median of one figure."""
    return median(run[what] for run in runs)


def seconds(value):
    return f"{value:.2f}" if value < 99.5 else f"{value:.0f}"


def times(value):
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


def peak(runs):
    return f"{of(runs, 'peak'):.0f}"


def rate(rows, value):
    return f"{rows / value / 1e6:.2f}"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def head(first, cores, columns):
    """The two lines over a table with these columns for each number of cores."""
    cells = [first]
    for number in cores:
        cells += [f"{CORES[number]}: {columns[0]}", *columns[1:]]
    return [row(cells), row(["---"] * len(cells))]


def codes_table(rows, form, figures):
    """A request coded, beside the peers and `cp`."""
    cores = sorted(int(number) for number in figures["code"])
    sizes = figures["sizes"]
    name = NAMES[form]
    first = f"{name} to {name}, {sizes['request'] / 1e6:,.0f} MB in, {sizes['result'] / 1e6:,.0f} MB out"
    lines = head(first, cores, ["seconds", "M rows/s", "its time to ours", "process, s", "peak MiB"])
    by_peer = {"cstatns": {number: figures["code"][str(number)] for number in cores}}
    for number in cores:
        for peer, runs in figures.get("peers", {}).get(str(number), {}).items():
            by_peer.setdefault(peer, {})[number] = runs
    for peer in sorted(by_peer, key=lambda peer: of(by_peer[peer][cores[0]], "seconds")):
        cells = [title(peer, by_peer[peer])]
        for number in cores:
            runs = by_peer[peer][number]
            taken, ratio = of(runs, "seconds"), "1" if peer == "cstatns" else times(of(runs, "ratio"))
            cells += [seconds(taken), rate(rows, taken), ratio, seconds(of(runs, "process")), peak(runs)]
        lines.append(row(cells))
    for what in ("request", "result"):
        taken, cells = median(figures["cp"][what]), [f"floor: `cp` of the {what}"]
        for number in cores:
            ours = of(figures["code"][str(number)], "seconds")
            cells += [seconds(taken), rate(rows, taken), f"{taken / ours:.2f}", "", ""]
        lines.append(row(cells))
    return lines


def title(peer, by_cores):
    if peer == "cstatns":
        return "**cstatns**: HMAC, validated, committed to"
    name, mac = peer.split()
    loose = any(not run["ordered"] for runs in by_cores.values() for run in runs)
    return f"{PEERS[name]}: {MACS[mac]}{' ‡' if loose else ''}"


def steps_table(rows, formats):
    """What goes before and after, and a renewal: ours alone."""
    some = next(iter(formats.values()))
    cores = sorted(int(number) for number in some["prepare"])
    lines = head("", cores, ["seconds", "M rows/s", "to `cp`", "peak MiB"])
    for form, figures in formats.items():
        # `cp` of what a step reads and writes, once each.
        floors = {"prepare": ("data", "request", "retained"), "attach": ("retained", "result", "attached"),
                  "renew": ("renew-request", "renew-result")}
        for step, files in floors.items():
            floor, cells = sum(median(figures["cp"][file]) for file in files), [f"`{step}`, {NAMES[form]}"]
            for number in cores:
                runs = figures[step][str(number)]
                taken = of(runs, "seconds")
                cells += [seconds(taken), rate(rows, taken), times(taken / floor), peak(runs)]
            lines.append(row(cells))
    return lines


def growth_table(small, large):
    """Whether time is linear and memory flat: ours at two sizes."""
    lines = [row(["", *(f"{size['rows'] / 1e6:g} M rows: {what}" for size in (small, large)
                        for what in ("seconds", "µs a row", "peak MiB")), "time a row", "peak"]),
             row(["---"] * 9)]
    for form in large["formats"]:
        for step in STEPS:
            for cores in large["formats"][form][step]:
                cells, figures = [f"`{step}`, {NAMES[form]}, {CORES[int(cores)]}"], []
                for size in (small, large):
                    runs = size["formats"][form][step][cores]
                    taken = of(runs, "seconds")
                    figures.append((taken / size["rows"], of(runs, "peak")))
                    cells += [seconds(taken), f"{taken / size['rows'] * 1e6:.3f}", peak(runs)]
                ratios = [after / before for before, after in zip(*figures, strict=True)]
                lines.append(row([*cells, *(f"× {ratio:.2f}" for ratio in ratios)]))
    return lines


def markdown(results):
    """What stands between the markers of the page."""
    machine, versions, sizes = results["machine"], results["versions"], results["sizes"]
    rows = " and ".join(f"{size['rows']:,}" for size in sizes)
    runs = "one run" if results["runs"] == 1 else f"medians of {results['runs']} runs"
    peers = [f"{name} {version}" for name, version in versions.items() if name not in ("cstatns", "python")]
    lines = [
        f"{results['date']}, `{results['command']}`: {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['memory']:.0f} GiB, with {machine['instructions']}; files on {machine['files']}. "
        f"{versions['cstatns']}; {', '.join(peers)}. {rows} rows, "
        f"{runs}; peaks are seen from {machine['peak_floor']:.0f} MiB up."]
    if len(sizes) > 1:
        return "\n".join([*lines, "", *growth_table(*sizes)])
    size = sizes[0]
    with_peers = any("peers" in figures for figures in size["formats"].values())
    if with_peers:
        lines[0] += " Each run of a peer comes right after one of ours on the same request, and is compared with it."
    for form, figures in size["formats"].items():
        lines += ["", *codes_table(size["rows"], form, figures)]
    lines += ["", "Seconds of `code` and `renew` go from the *intent* to the *result* event of the ledger, those of a "
              "peer from the opened request to the closed result; the whole process stands beside them."]
    if with_peers:
        lines[-1] += " † A plain hash of key and identifier: half the work of an HMAC, and no MAC."
    if any("‡" in line for line in lines):
        lines[-1] += " ‡ With two threads it does not keep the order of the rows."
    return "\n".join([*lines, "", "Before, after, and later:", "", *steps_table(size["rows"], size["formats"])])


def share(results):
    """What part of its time a process that was bound to one core had that core, in the median: below one it waited."""
    runs = []
    for size in results["sizes"]:
        for figures in size["formats"].values():
            for step in STEPS:
                runs += figures[step]["1"]
            for of_peer in figures.get("peers", {}).get("1", {}).values():
                runs += of_peer
    return median(run["cpu"] / run["process"] for run in runs)


def goals(results):
    """The goals of the project that these figures answer: (goal, figure, limit, whether it is reached)."""
    found = []

    def goal(text, figure, limit, at_least=False):
        reached = figure >= limit if at_least else figure <= limit
        found.append({"goal": text, "figure": round(figure, 2), "limit": limit, "at_least": at_least,
                      "reached": reached})

    if len(results["sizes"]) > 1:
        small, large = results["sizes"]
        for form, figures in large["formats"].items():
            for step in STEPS:
                for cores, runs in figures[step].items():
                    before, name = small["formats"][form][step][cores], f"7 {step} {form} {CORES[int(cores)]}"
                    rows = large["rows"] / small["rows"]
                    goal(f"{name}: time a row, large to small", of(runs, "seconds") / of(before, "seconds") / rows, 1.1)
                    goal(f"{name}: peak, large to small", of(runs, "peak") / of(before, "peak"), 1.1)
        return found
    for form, figures in results["sizes"][0]["formats"].items():
        number, factors, most = ("2", (2.2, 2.4), 2.5) if form == "csv" else ("3", (2.8, 3), 4)
        for cores, runs in figures["code"].items():
            name, ours = f"{form} {CORES[int(cores)]}", of(runs, "seconds")
            peers = figures.get("peers", {}).get(cores)
            if peers:
                # A plain hash is no alternative for anybody.
                macs = {peer: runs for peer, runs in peers.items() if peer.endswith("hmac")}
                fastest = min(macs, key=lambda peer, macs=macs: of(macs[peer], "seconds"))
                factor = factors[int(cores) > 1]
                goal(f"{number} {name}: times as fast as {fastest}", of(macs[fastest], "ratio"), factor, True)
            if form == "csv":
                goal(f"2 {name}: code to `cp` of its output", ours / median(figures["cp"]["result"]), 2)
            goal(f"{number} {name}: peak MiB of code", of(runs, "peak"), 128)
            sizes = figures["sizes"]
            a_byte = ours / (sizes["request"] + sizes["result"])
            renewal = of(figures["renew"][cores], "seconds") / (sizes["renew-request"] + sizes["renew-result"])
            goal(f"4 {name}: renew a byte to code a byte (within a tenth)", renewal / a_byte, 1.1)
            both = of(figures["prepare"][cores], "seconds") + of(figures["attach"][cores], "seconds")
            files = ("data", "request", "result", "attached")
            goal(f"6 {name}: prepare + attach to `cp` of data, request, result and output",
                 both / sum(median(figures["cp"][file]) for file in files), most)
    return found


def has_place(content):
    """Whether a text has the two markers, once each, in their order."""
    return content.count(BEGIN) == content.count(END) == 1 and content.index(BEGIN) < content.index(END)


def replaced(content, text):
    """The content with `text` between its markers."""
    before, rest = content.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"
