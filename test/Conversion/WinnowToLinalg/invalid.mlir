// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 --verify-diagnostics

// No pattern covers running sums yet.

func.func @main(%x: tensor<3x8xf32>) -> tensor<3x8xf32> attributes {winnow.entry} {
  // expected-error @below {{failed to legalize operation 'winnow.cumsum'}}
  %0 = winnow.cumsum %x {axis = 0 : i64} : (tensor<3x8xf32>) -> tensor<3x8xf32>
  return %0 : tensor<3x8xf32>
}

// -----

// expected-error @below {{expected one function with the attribute winnow.entry, got 0}}
module {
}

// -----

// expected-error @below {{expected every dimension to be static or an expression over symbols, got 'tensor<?xf32>'}}
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> attributes {winnow.entry} {
  return %x : tensor<?xf32>
}
