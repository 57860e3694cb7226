// The command line of `winnow`.

include "llvm/Option/OptParser.td"

// Its options belong to python/winnow/bench.
def bench : SubCommand<"bench", "measure models beside other runtimes",
  "winnow bench MODEL.onnx|WORKLOAD... [options]">;
def calibrate : SubCommand<"calibrate", "measure what each layer carries and needs",
  "winnow calibrate MODEL.onnx --data DATA [-o FILE.json] [options]">;
def check : SubCommand<"check", "say which nodes of an ONNX model are not supported",
  "winnow check MODEL.onnx [options]">;
def compile : SubCommand<"compile", "compile an ONNX model to a native library",
  "winnow compile MODEL.onnx -o DIR [options]">;
def probe : SubCommand<"probe", "measure what the machine can do at this moment, as JSON",
  "winnow probe [options]">;
def run : SubCommand<"run", "run a compiled model on arrays in files",
  "winnow run DIR --inputs IN.npz --outputs OUT.npz [options]">;

class Switch<string name, list<SubCommand> subs, string help>
    : Flag<["--"], name, subs>, HelpText<help>;
multiclass Value<string name, list<SubCommand> subs, string meta, string help> {
  def "" : Separate<["--"], name, subs>, HelpText<help>, MetaVarName<meta>;
  def _eq : Joined<["--"], name # "=", subs>, Alias<!cast<Separate>(NAME)>;
}

def help : Flag<["--"], "help">, HelpText<"show this help">;
def help_short : Flag<["-"], "h">, Alias<help>;
def version : Flag<["--"], "version">, HelpText<"show the version">;

// check
def json : Switch<"json", [check], "print JSON, whose keys docs/check.md lists">;
def operators : Switch<"operators", [check], "list the supported operators instead">;

// calibrate
defm data : Value<"data", [calibrate], "FILE.npz|DIR",
  "arrays by input name; samples come first">;
defm relevance_output : Value<"relevance-output", [calibrate], "NAME",
  "the output to explain (default: first of floats)">;
defm start : Value<"start", [calibrate], "auto|logit|value",
  "1 at the greatest output, or the value itself">;
defm samples : Value<"samples", [calibrate], "N", "use N samples only (default: all)">;
defm sensitivity_samples : Value<"sensitivity-samples", [calibrate], "N",
  "samples for sensitivity (default: 4)">;
def assignments : Joined<["--"], "assignments=", [calibrate]>, Flags<[HelpHidden]>,
  HelpText<"a JSON file of lists of widths of all sites, to be tried">;
def assignment_calibration : Joined<["--"], "assignment-calibration=", [calibrate]>, Flags<[HelpHidden]>,
  MetaVarName<"FILE.json">, HelpText<"what is known of each site's channels, in place of the data's">;
def assignment_outputs : Joined<["--"], "assignment-outputs=", [calibrate]>, Flags<[HelpHidden]>,
  HelpText<"the .npz file where the outputs go">;
defm moments : Value<"moments", [calibrate], "FILE",
  "where moments of inputs go, by which weights are rounded">;
defm widths : Value<"widths", [calibrate], "BITS,...", "widths to measure (default: 4,6,8)">;

// compile
def output_dir : Separate<["-"], "o", [calibrate, compile]>, MetaVarName<"PATH">,
  HelpText<"where the results go">;
defm name : Value<"name", [compile], "NAME", "name of files and C symbols (default: the model file's)">;
defm emit : Value<"emit", [compile], "KINDS",
  "obj,static,shared,exe,llvm-ir,asm,mlir,ptx (default: static,shared)">;
defm cpu : Value<"cpu", [compile], "LEVELS",
  "native, x86-64, x86-64-v3, x86-64-v4, or a list of them (default: native)">;
defm target : Value<"target", [compile], "cpu|cuda", "what computes (default: cpu)">;
defm chip : Value<"chip", [compile], "CHIPS",
  "sm_80, sm_86, sm_89, sm_90a, sm_100, or a list (default: sm_80,sm_90a)">;
defm precision : Value<"precision", [compile], "PRECISION",
  "fp32, tf32, bf16 or fp16: of factors in products on a GPU (default: fp32)">;
defm dim : Value<"dim", [calibrate, check, compile], "NAME=N|A..B", "pin a named dimension, or bound it">;
defm max_nodes : Value<"max-nodes", [calibrate, check, compile], "N",
  "largest number of nodes (default: 1048576)">;
defm max_constant_fold_bytes : Value<"max-constant-fold-bytes", [calibrate, check, compile], "N",
  "most bytes of constants that are made (default: 2G)">;
defm max_memory : Value<"max-memory", [calibrate, check, compile], "N",
  "most bytes of memory (default: the machine's)">;
defm stop_after : Value<"stop-after", [compile], "PHASE",
  "import, raise, optimize, convert or codegen: print the module to -o and stop">;
defm remove_padding : Value<"remove-padding", [compile], "auto|off",
  "compute on the valid tokens of padded batches only (default: auto)">;
defm exploit_sparsity : Value<"exploit-sparsity", [compile], "auto|off",
  "leave out what zeros among activations make needless (default: auto)">;
defm approximate : Value<"approximate", [compile], "NAME[=ARGUMENT]",
  "use a technique that changes results (docs/accuracy.md lists them)">;
defm calibration : Value<"calibration", [compile], "FILE.npz|DIR",
  "inputs on which approximations are measured">;
defm accuracy_budget : Value<"accuracy-budget", [compile], "[OUTPUT:]METRIC=VALUE",
  "what they may change: by rel-l2, max-abs, cosine, top1, mse- or mae-growth">;
def verify : Flag<["--"], "verify", [compile]>,
  HelpText<"run the model before and after each pass and compare">;
def verify_eq : Joined<["--"], "verify=", [compile]>, MetaVarName<"FILE.npz">,
  HelpText<"the same on these inputs">;
defm seed : Value<"seed", [compile], "N", "of random operators without a seed (default: 0)">;
def embed_weights : Switch<"embed-weights", [compile], "put the weights into the library">;
defm runtime_dir : Value<"runtime-dir", [calibrate, compile], "DIR", "where libwinnow_rt.a is">;
def crash_in : Joined<["--"], "crash-in=", [compile]>, Flags<[HelpHidden]>,
  HelpText<"crash in a phase, to test what a crash leaves behind">;
def drop_bias : Flag<["--"], "drop-bias", [compile]>, Flags<[HelpHidden]>,
  HelpText<"run a pass that is wrong, to test --verify">;
def quiet : Switch<"quiet", [calibrate, compile], "print errors only">;

// run
defm inputs : Value<"inputs", [run], "FILE.npz", "arrays keyed by input name">;
defm outputs : Value<"outputs", [run], "FILE.npz", "where the outputs go, keyed by name">;
defm input : Value<"input", [run], "NAME=FILE.npy", "one input">;
defm output : Value<"output", [run], "NAME=FILE.npy", "one output">;
defm threads : Value<"threads", [calibrate, probe, run], "N", "threads (default: all cores)">;
defm repeat : Value<"repeat", [run], "N", "run N times and print the median latency">;
def profile : Switch<"profile", [run], "print where the time goes, after a run that does not count">;
def stats : Switch<"stats", [run], "print how many activations are not zero where zeros are left out">;
defm trace : Value<"trace", [run], "FILE.json", "where a profile in Chrome's trace format goes">;

// probe
defm milliseconds : Value<"milliseconds", [probe], "N", "how long each measurement lasts (default: 50)">;
