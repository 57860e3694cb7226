// RUN: winnow-opt %s --split-input-file --winnow-verify-codegen-contract --verify-diagnostics

func.func @main() attributes {winnow.entry} {
  return
}
func.func private @kernel() attributes {winnow.kernel = {kind = "softmax"}}

// -----

func.func @main(%x: memref<4xf32>) attributes {winnow.entry} {
  // expected-error @below {{codegen contract: expected no winnow op, got winnow.kernel}}
  winnow.kernel "softmax" outs(%x : memref<4xf32>) {}
  return
}

// -----

func.func @main() attributes {winnow.entry} {
  // expected-error @below {{codegen contract: expected buffers, got a value of type 'tensor<4xf32>'}}
  %0 = tensor.empty() : tensor<4xf32>
  return
}

// -----

// expected-error @below {{codegen contract: expected one entry function, got 0}}
module {
}

// -----

func.func @main() attributes {winnow.entry} {
  return
}
// expected-error @below {{codegen contract: expected a body or the attribute winnow.kernel, got neither}}
func.func private @helper()
