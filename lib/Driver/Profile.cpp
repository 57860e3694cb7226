#include "winnow/Driver/Profile.h"
#include "winnow/Support/OutputFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

#include <algorithm>
#include <map>

using namespace llvm;
using namespace winnow;

namespace {

constexpr size_t kMostRows = 30;

/// What some operations cost in one run.
struct Sum {
  int64_t nanoseconds = 0, flops = 0, bytes = 0, calls = 0;
  int64_t busy = 0; ///< nanoseconds of all threads

  void add(const winnow_profile_event &event) {
    int64_t taken = event.end_ns - event.begin_ns;
    if (event.is_part) {
      busy += taken;
      return;
    }
    nanoseconds += taken;
    flops += event.flops;
    bytes += event.bytes;
    ++calls;
  }
};

/// A row: what some operations cost in the run that is the median by their time,
/// so that a neighbour on the machine does not count.
struct Row {
  std::string kind, nodes;
  std::vector<Sum> runs;
  Sum median;
};

const Profile::Op &getOp(const Profile &profile, int32_t op) {
  static const Profile::Op before{"(start)", ""};
  return op >= 0 && size_t(op) < profile.ops.size() ? profile.ops[op] : before;
}

/// The rows of what has one key, most time first. The nodes stand where each
/// operation is a key of its own.
std::vector<Row> makeRows(const Profile &profile, bool isByKind) {
  std::map<std::string, Row> rows;
  size_t run = 0;
  for (const winnow_profile_event &event : profile.events) {
    // Parts of a run come after its beginning.
    run += event.op < 0 && !event.is_part;
    const Profile::Op &op = getOp(profile, event.op);
    Row &row = rows[isByKind ? op.kind : std::to_string(event.op)];
    row.kind = op.kind;
    if (!isByKind)
      row.nodes = op.nodes;
    row.runs.resize(std::max(run, size_t(1)));
    row.runs.back().add(event);
  }
  std::vector<Row> result;
  for (auto &[key, row] : rows) {
    // Without an event in the last runs.
    row.runs.resize(std::max(run, size_t(1)));
    auto middle = row.runs.begin() + (row.runs.size() - 1) / 2;
    std::nth_element(row.runs.begin(), middle, row.runs.end(),
                     [](const Sum &a, const Sum &b) { return a.nanoseconds < b.nanoseconds; });
    row.median = *middle;
    result.push_back(std::move(row));
  }
  llvm::sort(result, [](const Row &a, const Row &b) {
    return std::tie(b.median.nanoseconds, a.kind, a.nodes) <
           std::tie(a.median.nanoseconds, b.kind, b.nodes);
  });
  return result;
}

std::string number(double value, bool isKnown, const char *pattern) {
  if (!isKnown)
    return "-";
  std::string text;
  raw_string_ostream(text) << format(pattern, value);
  return text;
}

void printRow(raw_ostream &os, const Profile &profile, const Row &row, double total) {
  const Sum &sum = row.median;
  double seconds = 1e-9 * sum.nanoseconds;
  bool isTimed = sum.nanoseconds > 0, computes = isTimed && sum.flops > 0,
       moves = isTimed && sum.bytes > 0;
  double flops = isTimed ? sum.flops / seconds : 0, bytes = isTimed ? sum.bytes / seconds : 0;
  auto cell = [&](const std::string &text, unsigned width) { os << right_justify(text, width); };
  cell(number(1e3 * seconds, true, "%.3f"), 10);
  cell(number(total > 0 ? 100 * seconds / total : 0, true, "%.1f"), 8);
  cell(std::to_string(sum.calls), 8);
  cell(number(flops * 1e-9, computes, "%.1f"), 10);
  cell(number(flops / profile.fmaRate, computes && profile.fmaRate > 0, "%.2f"), 8);
  cell(number(bytes * 1e-9, moves, "%.1f"), 8);
  cell(number(bytes / profile.bandwidth, moves && profile.bandwidth > 0, "%.2f"), 8);
  cell(number(isTimed ? double(sum.busy) / sum.nanoseconds : 0, isTimed && sum.busy > 0, "%.2f"),
       9);
  os << "  " << row.kind;
  if (!row.nodes.empty())
    os << "  " << row.nodes;
  os << "\n";
}

void printHeader(raw_ostream &os, StringRef what) {
  os << "        ms       %   calls   GFLOP/s  of FMA    GB/s  of mem  threads  " << what << "\n";
}

} // namespace

void winnow::printProfile(raw_ostream &os, const Profile &profile) {
  std::vector<Row> kinds = makeRows(profile, /*isByKind=*/true);
  std::vector<Row> ops = makeRows(profile, /*isByKind=*/false);
  double total = 0;
  for (const Row &kind : kinds)
    total += 1e-9 * kind.median.nanoseconds;
  os << format("medians of %d runs on %d threads, together %.3f ms, with code for %s; FMA: %.1f "
               "GFLOP/s, mem: %.1f GB/s\n\n",
               profile.runs, profile.threads, 1e3 * total, profile.cpuLevel.c_str(),
               profile.fmaRate * 1e-9, profile.bandwidth * 1e-9);
  printHeader(os, "kind");
  for (const Row &kind : kinds)
    printRow(os, profile, kind, total);
  os << "\n";
  printHeader(os, "operation");
  for (const Row &op : ArrayRef(ops).take_front(kMostRows))
    printRow(os, profile, op, total);
  if (ops.size() > kMostRows)
    os << "(" << ops.size() - kMostRows << " more)\n";
}

namespace {
/// What is not zero of what an operation looked at, over all runs.
struct Density {
  int64_t active = 0, elements = 0, computed = 0;
  double least = 1, greatest = 0;

  void add(const winnow_profile_event &event) {
    active += event.active;
    elements += event.elements;
    computed += event.computed;
    double share = double(event.active) / double(event.elements);
    least = std::min(least, share);
    greatest = std::max(greatest, share);
  }
};
} // namespace

void winnow::printDensities(raw_ostream &os, const Profile &profile) {
  std::map<int32_t, Density> densities;
  for (const winnow_profile_event &event : profile.events)
    if (event.elements > 0)
      densities[event.op].add(event);
  if (densities.empty()) {
    os << "no operation of this model leaves out zeros among activations; the report of the "
          "compile says why, where one could\n";
    return;
  }
  os << "what is not zero, in " << profile.runs << " runs\n\n"
     << " density   least    most  computed  operation\n";
  for (const auto &[op, density] : densities)
    os << format("%8.3f%8.3f%8.3f%10.3f  %s  %s\n", double(density.active) / double(density.elements),
                 density.least, density.greatest,
                 double(density.computed) / double(density.elements), getOp(profile, op).kind.c_str(),
                 getOp(profile, op).nodes.c_str());
}

Error winnow::writeTrace(StringRef path, const Profile &profile) {
  return writeOutputFile(path, [&](raw_ostream &stream) {
    int64_t start = INT64_MAX;
    for (const winnow_profile_event &event : profile.events)
      start = std::min(start, event.begin_ns);
    json::OStream os(stream);
    auto row = [&](int64_t thread, const std::string &name) {
      os.object([&] {
        os.attribute("name", "thread_name");
        os.attribute("ph", "M");
        os.attribute("pid", 0);
        os.attribute("tid", thread);
        os.attributeObject("args", [&] { os.attribute("name", name); });
      });
    };
    os.object([&] {
      os.attribute("displayTimeUnit", "ns");
      os.attributeArray("traceEvents", [&] {
        row(0, "operations");
        for (int i = 0; i < profile.threads; ++i)
          row(i + 1, "thread " + std::to_string(i));
        for (const winnow_profile_event &event : profile.events) {
          const Profile::Op &op = getOp(profile, event.op);
          os.object([&] {
            os.attribute("name", op.kind);
            os.attribute("ph", "X");
            os.attribute("pid", 0);
            os.attribute("tid", event.is_part ? event.thread + 1 : 0);
            os.attribute("ts", 1e-3 * double(event.begin_ns - start));
            os.attribute("dur", 1e-3 * double(event.end_ns - event.begin_ns));
            os.attributeObject("args", [&] {
              os.attribute("nodes", json::fixUTF8(op.nodes));
              if (event.is_part)
                return;
              os.attribute("flops", event.flops);
              os.attribute("bytes", event.bytes);
              if (event.elements) {
                os.attribute("elements", event.elements);
                os.attribute("active", event.active);
                os.attribute("computed", event.computed);
              }
            });
          });
        }
      });
    });
    stream << "\n";
    return Error::success();
  });
}
