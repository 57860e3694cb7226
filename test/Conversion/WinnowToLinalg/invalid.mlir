// RUN: winnow-opt %s --split-input-file --winnow-to-linalg=cpu=x86-64-v3 --verify-diagnostics

// The kernel computes in f32, which would lose half of an f64.

func.func @main(%x: tensor<1x3x2x8xf64>) -> tensor<1x3x2x8xf64> attributes {winnow.entry} {
  // expected-error @below {{failed to legalize operation 'winnow.attention'}}
  %0 = winnow.attention %x, %x, %x {scale = 1.0 : f32} : (tensor<1x3x2x8xf64>, tensor<1x3x2x8xf64>, tensor<1x3x2x8xf64>) -> tensor<1x3x2x8xf64>
  return %0 : tensor<1x3x2x8xf64>
}

// -----

// expected-error @below {{model contract: expected one entry function, got 0}}
module {
}

// -----

// expected-error @below {{expected every dimension to be static or an expression over symbols, got 'tensor<?xf32>'}}
func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> attributes {winnow.entry} {
  return %x : tensor<?xf32>
}
