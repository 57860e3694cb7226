// RUN: winnow-opt %s --split-input-file --winnow-propagate-relevance --verify-diagnostics

// expected-error@+1 {{expected an output of floats, got none}}
func.func @integers(%x: tensor<4xi64>) -> tensor<4xi64> attributes {winnow.entry} {
  %y = winnow.neg %x : (tensor<4xi64>) -> tensor<4xi64>
  return %y : tensor<4xi64>
}

// -----

// expected-error@+1 {{expected an output that is computed, got an input}}
func.func @input(%x: tensor<4xf32>) -> tensor<4xf32> attributes {winnow.entry} {
  return %x : tensor<4xf32>
}

// -----

func.func @product(%x: tensor<4xf32>) -> tensor<f32> attributes {winnow.entry} {
  // expected-error@+1 {{no relevance rule for winnow.reduce}}
  %y = winnow.reduce prod %x [0] : (tensor<4xf32>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

func.func @vector(%x: tensor<4xf32>, %w: tensor<4x2xf32>) -> tensor<2xf32> attributes {winnow.entry} {
  // expected-error@+1 {{no relevance rule for winnow.matmul}}
  %y = winnow.matmul %x, %w : (tensor<4xf32>, tensor<4x2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// -----

func.func @greatest(%x: tensor<4xf32>, %i: tensor<2xi64>, %u: tensor<2xf32>) -> tensor<4xf32> attributes {winnow.entry} {
  // expected-error@+1 {{no relevance rule for winnow.scatter_elements with the reduction max}}
  %y = winnow.scatter_elements %x, %i, %u {axis = 0 : i64, reduction = #winnow<scatter_reduction max>} : (tensor<4xf32>, tensor<2xi64>, tensor<2xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
