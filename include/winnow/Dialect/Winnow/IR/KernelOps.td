//===- KernelOps.td - Calls of generated kernels --------------------------===//

#ifndef WINNOW_KERNEL_OPS_TD
#define WINNOW_KERNEL_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"

def Winnow_KernelOp : Winnow_Op<"kernel", [AttrSizedOperandSegments, DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "a kernel that Codegen will build, in destination style";
  let description = [{
    What Conversion turns contractions, attention, normalisations, gathers and
    scatters into: reads `inputs`, overwrites `outputs`, or changes parts of them
    where `config` says `in_place = true`. `config` holds the kind's
    parameters (schedule, epilogue); kernels of equal kind, config and types
    are one function. `site` numbers the run-time check that it may fail.
    On tensors it returns the new values of `outputs`; after bufferisation it
    returns nothing.
  }];
  let arguments = (ins StrAttr:$kind, DictionaryAttr:$config,
      Variadic<AnyShaped>:$inputs, Variadic<AnyShaped>:$outputs,
      OptionalAttr<I32Attr>:$site);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $kind (`ins` `(` $inputs^ `:` type($inputs) `)`)? `outs` `(` $outputs `:` type($outputs) `)`
    $config attr-dict (`->` type($results)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getOutputsMutable(); }
    /// What `outputs` hold before the kernel is read or stays.
    bool isInPlace() {
      auto flag = getConfig().getAs<::mlir::BoolAttr>("in_place");
      return flag && flag.getValue();
    }
  }];
}

#endif // WINNOW_KERNEL_OPS_TD
