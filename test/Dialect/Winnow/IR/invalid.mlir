// RUN: winnow-opt %s --split-input-file --verify-diagnostics

// Each constraint of each op, by the label in its description.

// cast C1: the shapes match
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected the result to have the input's shape, got 'tensor<2x3xf32>' and 'tensor<3x2xi32>'}}
  %0 = winnow.cast %x : (tensor<2x3xf32>) -> tensor<3x2xi32>
  return
}

// -----

// bitcast C1: the shapes match
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected the result to have the input's shape, got 'tensor<2x3xf32>' and 'tensor<3x2xi32>'}}
  %0 = winnow.bitcast %x : (tensor<2x3xf32>) -> tensor<3x2xi32>
  return
}

// -----

// bitcast C2
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected element types of one width, got 32 and 64 bits}}
  %0 = winnow.bitcast %x : (tensor<2x3xf32>) -> tensor<2x3xi64>
  return
}

// -----

// add C1: the element types match
func.func @f(%x: tensor<2x3xf32>, %y: tensor<3xf64>) {
  // expected-error @+2 {{expected operand element types to match, got 'f32' and 'f64'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.add %x, %y : (tensor<2x3xf32>, tensor<3xf64>) -> tensor<2x3xf32>
  return
}

// -----

// add C2: the shapes broadcast
func.func @f(%x: tensor<2x3xf32>, %y: tensor<4xf32>) {
  // expected-error @+2 {{expected operand shapes to broadcast, got dimension 1: 3 and 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.add %x, %y : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xf32>
  return
}

// -----

// add C2, between symbols: s0 and s1 are not equal
func.func @f(%x: tensor<?xf32, affine_map<()[s0, s1] -> (s0)>>, %y: tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>) {
  // expected-error @+2 {{expected operand shapes to broadcast, got dimension 0: s0 and s1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.add %x, %y : (tensor<?xf32, affine_map<()[s0, s1] -> (s0)>>, tensor<?xf32, affine_map<()[s0, s1] -> (s1)>>) -> tensor<?xf32, affine_map<()[s0, s1] -> (s0)>>
  return
}

// -----

// The written type is the inferred one
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{inferred type(s) 'tensor<2x3xf32>' are incompatible with return type(s) of operation 'tensor<2x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.exp %x : (tensor<2x3xf32>) -> tensor<2x4xf32>
  return
}

// -----

// compare C1
func.func @f(%x: tensor<2x3xf32>, %y: tensor<3xi32>) {
  // expected-error @+2 {{expected operand element types to match, got 'f32' and 'i32'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.compare lt %x, %y : (tensor<2x3xf32>, tensor<3xi32>) -> tensor<2x3xi1>
  return
}

// -----

// compare C2
func.func @f(%x: tensor<2x3xf32>, %y: tensor<4xf32>) {
  // expected-error @+2 {{expected operand shapes to broadcast, got dimension 1: 3 and 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.compare lt %x, %y : (tensor<2x3xf32>, tensor<4xf32>) -> tensor<2x3xi1>
  return
}

// -----

// select C1
func.func @f(%c: tensor<3xi1>, %x: tensor<2x3xf32>, %y: tensor<3xf64>) {
  // expected-error @+2 {{expected operand element types to match, got 'f32' and 'f64'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.select %c, %x, %y : (tensor<3xi1>, tensor<2x3xf32>, tensor<3xf64>) -> tensor<2x3xf32>
  return
}

// -----

// select C2
func.func @f(%c: tensor<4xi1>, %x: tensor<2x3xf32>, %y: tensor<3xf32>) {
  // expected-error @+2 {{expected operand shapes to broadcast, got dimension 1: 4 and 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.select %c, %x, %y : (tensor<4xi1>, tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// dim_values C1: as many results as elements
func.func @f() {
  // expected-error @+1 {{expected one expression per element, got 1 and 2}}
  %0 = winnow.dim_values affine_map<()[s0] -> (s0)> : tensor<2xi64>
  return
}

// -----

// dim_values C2: no dims
func.func @f() {
  // expected-error @+1 {{expected expressions over symbols only, got 1 dims}}
  %0 = winnow.dim_values affine_map<(d0) -> (d0)> : tensor<1xi64>
  return
}

// -----

// dim_values: rank 0 or 1
func.func @f() {
  // expected-error @+1 {{expected a static tensor of rank 0 or 1, got 'tensor<1x1xi64>'}}
  %0 = winnow.dim_values affine_map<()[s0] -> (s0)> : tensor<1x1xi64>
  return
}

// -----

// iota C1: rank 1
func.func @f() {
  // expected-error @+1 {{expected a result of rank 1, got 'tensor<2x2xi64>'}}
  %0 = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<2x2xi64>
  return
}

// -----

// reshape C1: the element types match
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected element types to match, got 'f32' and 'f64'}}
  %0 = winnow.reshape %x : (tensor<2x3xf32>) -> tensor<6xf64>
  return
}

// -----

// reshape C2: the numbers of elements match
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected as many elements before as after, got [2, 3] and [5]}}
  %0 = winnow.reshape %x : (tensor<2x3xf32>) -> tensor<5xf32>
  return
}

// -----

// reshape C2, with an unknown dimension
func.func @f(%x: tensor<?xf32>) {
  // expected-error @+1 {{expected every dynamic dimension to have an expression}}
  %0 = winnow.reshape %x : (tensor<?xf32>) -> tensor<1x?xf32>
  return
}

// -----

// transpose C1: a permutation, twice the same
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected a permutation of 0..1, got 0 twice or out of range}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.transpose %x [0, 0] : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

// transpose C1: of all dimensions
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected a permutation of 2 dimensions, got 1 entries}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.transpose %x [0] : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

// broadcast_to C1
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected the input's shape to broadcast to the result's, got [2, 3] and [2, 4]}}
  %0 = winnow.broadcast_to %x : (tensor<2x3xf32>) -> tensor<2x4xf32>
  return
}

// -----

// broadcast_to: the element types match
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected element types to match, got 'f32' and 'f64'}}
  %0 = winnow.broadcast_to %x : (tensor<2x3xf32>) -> tensor<2x3xf64>
  return
}

// -----

// slice C1: a start and a step per dimension
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected one start over symbols and one step per dimension, got 1 starts and 2 steps for rank 2}}
  %0 = winnow.slice %x at affine_map<() -> (0)> step [1, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// slice C2: no step is 0
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected steps other than 0, got 0 for dimension 1}}
  %0 = winnow.slice %x at affine_map<() -> (0, 0)> step [1, 0] : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// slice C3: inside its input
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected the slice to stay inside its input, got elements 2 to 3 of dimension 1 with size 3}}
  %0 = winnow.slice %x at affine_map<() -> (0, 2)> step [1, 1] : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

// slice: ranks match
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected element types and ranks to match}}
  %0 = winnow.slice %x at affine_map<() -> (0, 0)> step [1, 1] : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

// concat C1: ranks match
func.func @f(%x: tensor<2x3xf32>, %y: tensor<2xf32>) {
  // expected-error @+2 {{expected input ranks to match, got 2 and 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.concat %x, %y {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

// concat C1: element types match
func.func @f(%x: tensor<2x3xf32>, %y: tensor<2x3xf64>) {
  // expected-error @+2 {{expected operand element types to match, got 'f32' and 'f64'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.concat %x, %y {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x3xf64>) -> tensor<4x3xf32>
  return
}

// -----

// concat C2: other dimensions match
func.func @f(%x: tensor<2x3xf32>, %y: tensor<2x4xf32>) {
  // expected-error @+2 {{expected inputs to match outside axis 0, got 3 and 4 for dimension 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.concat %x, %y {axis = 0 : i64} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<4x3xf32>
  return
}

// -----

// concat C3: the axis exists
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected axis in [0, 2), got 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.concat %x, %x {axis = 2 : i64} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// gather C1: the axis exists
func.func @f(%x: tensor<2x3xf32>, %i: tensor<i64>) {
  // expected-error @+2 {{expected axis in [0, 2), got -1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.gather %x, %i {axis = -1 : i64} : (tensor<2x3xf32>, tensor<i64>) -> tensor<2xf32>
  return
}

// -----

// gather_nd C1: tuples of at most the rank
func.func @f(%x: tensor<2x3xf32>, %i: tensor<4x3xi64>) {
  // expected-error @+2 {{expected the last dimension of indices in [1, 2], got 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.gather_nd %x, %i : (tensor<2x3xf32>, tensor<4x3xi64>) -> tensor<4xf32>
  return
}

// -----

// gather_nd C2: batch dimensions match
func.func @f(%x: tensor<2x3xf32>, %i: tensor<3x1xi64>) {
  // expected-error @+2 {{expected batch dimension 0 to match, got 2 and 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.gather_nd %x, %i {batch_dims = 1 : i64} : (tensor<2x3xf32>, tensor<3x1xi64>) -> tensor<3xf32>
  return
}

// -----

// gather_nd: batch_dims below both ranks
func.func @f(%x: tensor<2x3xf32>, %i: tensor<2x1xi64>) {
  // expected-error @+2 {{expected batch_dims below both ranks, got 2 for ranks 2 and 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.gather_nd %x, %i {batch_dims = 2 : i64} : (tensor<2x3xf32>, tensor<2x1xi64>) -> tensor<2xf32>
  return
}

// -----

// det C1
func.func @f(%x: tensor<3xf32>) {
  // expected-error @+2 {{expected an input of rank 2 or more, got rank 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.det %x : (tensor<3xf32>) -> tensor<f32>
  return
}

// -----

// det C2
func.func @f(%x: tensor<2x3x4xf32>) {
  // expected-error @+2 {{expected square matrices, got 3 by 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.det %x : (tensor<2x3x4xf32>) -> tensor<2xf32>
  return
}

// -----

// matmul C1
func.func @f(%x: tensor<2x3xf32>, %y: tensor<3x4xf64>) {
  // expected-error @+2 {{expected operand element types to match, got 'f32' and 'f64'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.matmul %x, %y : (tensor<2x3xf32>, tensor<3x4xf64>) -> tensor<2x4xf32>
  return
}

// -----

// matmul C2
func.func @f(%x: tensor<2x3xf32>, %y: tensor<4x5xf32>) {
  // expected-error @+2 {{expected inner dimensions to match, got 3 and 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.matmul %x, %y : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

// matmul C3
func.func @f(%x: tensor<2x3xf32>, %y: tensor<f32>) {
  // expected-error @+2 {{expected operands of rank 1 or more, got ranks 2 and 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.matmul %x, %y : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  return
}

// -----

// matmul: batch dimensions broadcast
func.func @f(%x: tensor<2x4x3xf32>, %y: tensor<5x3x4xf32>) {
  // expected-error @+2 {{expected batch dimensions to broadcast, got dimension 0: 2 and 5}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.matmul %x, %y : (tensor<2x4x3xf32>, tensor<5x3x4xf32>) -> tensor<2x4x4xf32>
  return
}

// -----

// linear C1
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf64>) {
  // expected-error @+2 {{expected operand element types to match, got 'f32' and 'f64'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.linear %x, %w : (tensor<2x3xf32>, tensor<3x5xf64>) -> tensor<2x5xf32>
  return
}

// -----

// linear C2
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>) {
  // expected-error @+2 {{expected the input's last dimension to be the weight's K, got 3 and 5}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.linear %x, %w {transpose_weight} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

// linear C3
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>, %b: tensor<1x5xf32>) {
  // expected-error @+2 {{expected a bias of shape 5, got [1, 5]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.linear %x, %w bias(%b) : (tensor<2x3xf32>, tensor<3x5xf32>, tensor<1x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

// linear C4
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>, %r: tensor<5xf32>) {
  // expected-error @+2 {{expected the residual to have the result's type 'tensor<2x5xf32>', got 'tensor<5xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.linear %x, %w residual(%r) : (tensor<2x3xf32>, tensor<3x5xf32>, tensor<5xf32>) -> tensor<2x5xf32>
  return
}

// -----

// linear: the weight is a matrix
func.func @f(%x: tensor<2x3xf32>, %w: tensor<1x3x5xf32>) {
  // expected-error @+2 {{expected an input of rank 1 or more and a weight of rank 2, got ranks 2 and 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.linear %x, %w : (tensor<2x3xf32>, tensor<1x3x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

// reduce C1: in range
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected sorted, distinct axes in [0, 2), got 2 after -1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.reduce sum %x [2] : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

// reduce C1: sorted and distinct
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected sorted, distinct axes in [0, 2), got 1 after 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.reduce sum %x [1, 1] : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

// cumsum C1
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected axis in [0, 2), got 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.cumsum %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// cumprod C1
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected axis in [0, 2), got 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.cumprod %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// softmax C1
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected axis in [0, 2), got 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.softmax %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// layer_norm C1
func.func @f(%x: tensor<2x3xf32>, %g: tensor<2xf32>) {
  // expected-error @+2 {{expected scale of shape 3, got [2]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.layer_norm %x scale(%g) {epsilon = 1.0e-5 : f32} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

// layer_norm C1: bias
func.func @f(%x: tensor<2x3xf32>, %g: tensor<2xf32>) {
  // expected-error @+2 {{expected bias of shape 3, got [2]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.layer_norm %x bias(%g) {epsilon = 1.0e-5 : f32} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

// layer_norm C2
func.func @f(%x: tensor<2x3xf32>, %r: tensor<3xf32>) {
  // expected-error @+2 {{expected the residual to have the input's type 'tensor<2x3xf32>', got 'tensor<3xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.layer_norm %x residual(%r) {epsilon = 1.0e-5 : f32} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// attention C1: batch sizes
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<3x7x4x16xf32>, %v: tensor<2x7x4x8xf32>) {
  // expected-error @+2 {{expected query and key batch sizes to match, got 2 and 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<3x7x4x16xf32>, tensor<2x7x4x8xf32>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// attention C1: batch sizes of values
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<3x7x4x8xf32>) {
  // expected-error @+2 {{expected key and value batch sizes to match, got 2 and 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<3x7x4x8xf32>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// attention C2: lengths
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x6x4x8xf32>) {
  // expected-error @+2 {{expected key and value lengths to match, got 7 and 6}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x6x4x8xf32>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// attention C3: head sizes
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x8xf32>, %v: tensor<2x7x4x8xf32>) {
  // expected-error @+2 {{expected query and key head sizes to match, got 16 and 8}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x8xf32>, tensor<2x7x4x8xf32>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// attention C4: heads of keys and values
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x2x8xf32>) {
  // expected-error @+2 {{expected key and value heads to match, got 4 and 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x2x8xf32>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// attention C4: heads divide
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x3x16xf32>, %v: tensor<2x7x3x8xf32>) {
  // expected-error @+2 {{expected key heads to divide query heads, got 3 and 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x3x16xf32>, tensor<2x7x3x8xf32>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// attention C5: the mask broadcasts
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %m: tensor<2x1x1x6xf32>) {
  // expected-error @+2 {{expected the mask to broadcast to [2, 4, 5, 7], got [2, 1, 1, 6]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v mask(%m) {scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<2x1x1x6xf32>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// attention C5: the mask has rank 4
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %m: tensor<5x7xf32>) {
  // expected-error @+2 {{expected the mask to broadcast to [2, 4, 5, 7], got [5, 7]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v mask(%m) {scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<5x7xf32>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// attention C5: the mask's type
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %m: tensor<2x1x1x7xi64>) {
  // expected-error @+2 {{expected a mask of i1 or the query's element type, got 'i64'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v mask(%m) {scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<2x1x1x7xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// attention C6: heads are static
func.func @f(%q: tensor<2x5x?x16xf32, affine_map<()[s0] -> (2, 5, s0, 16)>>, %k: tensor<2x7x?x16xf32, affine_map<()[s0] -> (2, 7, s0, 16)>>, %v: tensor<2x7x?x16xf32, affine_map<()[s0] -> (2, 7, s0, 16)>>) {
  // expected-error @+2 {{expected static heads and head sizes, got}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<2x5x?x16xf32, affine_map<()[s0] -> (2, 5, s0, 16)>>, tensor<2x7x?x16xf32, affine_map<()[s0] -> (2, 7, s0, 16)>>, tensor<2x7x?x16xf32, affine_map<()[s0] -> (2, 7, s0, 16)>>) -> tensor<2x5x?x16xf32, affine_map<()[s0] -> (2, 5, s0, 16)>>
  return
}

// -----

// attention: rank 4
func.func @f(%q: tensor<2x5x16xf32>, %k: tensor<2x7x16xf32>, %v: tensor<2x7x16xf32>) {
  // expected-error @+2 {{expected query, key and value of rank 4, got ranks 3, 3 and 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %k, %v {scale = 1.0 : f32} : (tensor<2x5x16xf32>, tensor<2x7x16xf32>, tensor<2x7x16xf32>) -> tensor<2x5x16xf32>
  return
}

// -----

// topk C1
func.func @f(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{expected axis in [0, 2), got 2}}
  %v, %i = winnow.topk %x {axis = 2 : i64} : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x3xi64>)
  return
}

// -----

// topk C2
func.func @f(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{expected values of the input's element type 'f32', got 'f16'}}
  %v, %i = winnow.topk %x {axis = 1 : i64} : (tensor<2x5xf32>) -> (tensor<2x3xf16>, tensor<2x3xi64>)
  return
}

// -----

// topk C3
func.func @f(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{expected results of the input's shape but along axis 1, got [2, 5] to [1, 3] and [1, 3]}}
  %v, %i = winnow.topk %x {axis = 1 : i64} : (tensor<2x5xf32>) -> (tensor<1x3xf32>, tensor<1x3xi64>)
  return
}

// -----

// topk C3: both results
func.func @f(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{expected results of the input's shape but along axis 1, got [2, 5] to [2, 3] and [2, 4]}}
  %v, %i = winnow.topk %x {axis = 1 : i64} : (tensor<2x5xf32>) -> (tensor<2x3xf32>, tensor<2x4xi64>)
  return
}

// -----

// topk C4
func.func @f(%x: tensor<2x5xf32>) {
  // expected-error @+1 {{expected at most 5 elements, got 6}}
  %v, %i = winnow.topk %x {axis = 1 : i64} : (tensor<2x5xf32>) -> (tensor<2x6xf32>, tensor<2x6xi64>)
  return
}

// -----

// scatter_elements C1
func.func @f(%x: tensor<2x5xf32>, %i: tensor<2x3xi64>, %u: tensor<2x3xf32>) {
  // expected-error @+2 {{expected axis in [0, 2), got -1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.scatter_elements %x, %i, %u {axis = -1 : i64} : (tensor<2x5xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<2x5xf32>
  return
}

// -----

// scatter_elements C2
func.func @f(%x: tensor<2x5xf32>, %i: tensor<2x3xi64>, %u: tensor<2x3xf16>) {
  // expected-error @+2 {{expected updates of the data's element type 'f32', got 'f16'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.scatter_elements %x, %i, %u {axis = 1 : i64} : (tensor<2x5xf32>, tensor<2x3xi64>, tensor<2x3xf16>) -> tensor<2x5xf32>
  return
}

// -----

// scatter_elements C3
func.func @f(%x: tensor<2x5xf32>, %i: tensor<2x3xi64>, %u: tensor<2x4xf32>) {
  // expected-error @+2 {{expected indices and updates of one shape, got [2, 3] and [2, 4]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.scatter_elements %x, %i, %u {axis = 1 : i64} : (tensor<2x5xf32>, tensor<2x3xi64>, tensor<2x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

// scatter_elements C4
func.func @f(%x: tensor<2x5xf32>, %i: tensor<1x3xi64>, %u: tensor<1x3xf32>) {
  // expected-error @+2 {{expected indices of the data's shape but along axis 1, got [1, 3] and [2, 5]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.scatter_elements %x, %i, %u {axis = 1 : i64} : (tensor<2x5xf32>, tensor<1x3xi64>, tensor<1x3xf32>) -> tensor<2x5xf32>
  return
}

// -----

// scatter_nd C1
func.func @f(%x: tensor<2x5xf32>, %i: tensor<4x3xi64>, %u: tensor<4xf32>) {
  // expected-error @+2 {{expected index tuples of a static size of at most 2, got indices of shape [4, 3]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.scatter_nd %x, %i, %u : (tensor<2x5xf32>, tensor<4x3xi64>, tensor<4xf32>) -> tensor<2x5xf32>
  return
}

// -----

// scatter_nd C2
func.func @f(%x: tensor<2x5xf32>, %i: tensor<4x2xi64>, %u: tensor<4xf16>) {
  // expected-error @+2 {{expected updates of the data's element type 'f32', got 'f16'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.scatter_nd %x, %i, %u : (tensor<2x5xf32>, tensor<4x2xi64>, tensor<4xf16>) -> tensor<2x5xf32>
  return
}

// -----

// scatter_nd C3
func.func @f(%x: tensor<2x5xf32>, %i: tensor<4x1xi64>, %u: tensor<4xf32>) {
  // expected-error @+2 {{expected updates of shape [4, 5], got [4]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.scatter_nd %x, %i, %u : (tensor<2x5xf32>, tensor<4x1xi64>, tensor<4xf32>) -> tensor<2x5xf32>
  return
}

// -----

// extract_at C1
func.func @f(%x: tensor<f32>, %i: index) {
  // expected-error @+2 {{expected an input of rank 1 or more, got rank 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.extract_at %x at %i : (tensor<f32>, index) -> tensor<f32>
  return
}

// -----

// insert_at C1
func.func @f(%s: tensor<4xf32>, %x: tensor<5x3xf32>, %i: index) {
  // expected-error @+2 {{expected a slice of the destination's dimensions after the first, got [4] for [5, 3]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.insert_at %s into %x at %i : (tensor<4xf32>, tensor<5x3xf32>, index) -> tensor<5x3xf32>
  return
}

// -----

// bind_size C1
func.func @f(%n: tensor<i64>) {
  // expected-error @+1 {{expected one expression over symbols, got affine_map<()[s0] -> (s0, s0)>}}
  winnow.bind_size %n to affine_map<()[s0] -> (s0, s0)> : tensor<i64>
  return
}

// -----

// capacity C1
func.func @f() attributes {winnow.symbols = [{name = "n", min = 0 : i64, max = 9 : i64}]} {
  // expected-error @+1 {{expected a symbol that data gives, got affine_map<()[s0] -> (s0)>}}
  %0 = winnow.capacity affine_map<()[s0] -> (s0)> : tensor<i64>
  return
}

// -----

// capacity C2
func.func @f() attributes {winnow.symbols = [{name = "n", min = 0 : i64, max = 9 : i64, data}]} {
  // expected-error @+1 {{expected a result of rank 0, got 'tensor<1xi64>'}}
  %0 = winnow.capacity affine_map<()[s0] -> (s0)> : tensor<1xi64>
  return
}

// -----

// rms_norm C1
func.func @f(%x: tensor<2x3xf32>, %g: tensor<2xf32>) {
  // expected-error @+2 {{expected scale of shape 3, got [2]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.rms_norm %x scale(%g) {epsilon = 1.0e-5 : f32} : (tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

// attention C5: entries that do not divide the batch
func.func @f(%q: tensor<4x5x4x16xf32>, %m: tensor<3x1x1x5xf32>) {
  // expected-error @+2 {{expected the mask to broadcast to [4, 4, 5, 5], got [3, 1, 1, 5]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %q, %q mask(%m) {scale = 1.0 : f32} : (tensor<4x5x4x16xf32>, tensor<4x5x4x16xf32>, tensor<4x5x4x16xf32>, tensor<3x1x1x5xf32>) -> tensor<4x5x4x16xf32>
  return
}

// -----

// attention C7
func.func @f(%q: tensor<4x5x4x16xf32>) {
  // expected-error @+2 {{expected causal where there is causal_at_end, got none}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %q, %q {causal_at_end, scale = 1.0 : f32} : (tensor<4x5x4x16xf32>, tensor<4x5x4x16xf32>, tensor<4x5x4x16xf32>) -> tensor<4x5x4x16xf32>
  return
}

// -----

// attention C8
func.func @f(%q: tensor<4x5x4x16xf32>, %m: tensor<1x1x1x5xi1>) {
  // expected-error @+2 {{expected a mask of floats under causal_lowest, got 'i1'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %q, %q mask(%m) {causal, causal_lowest, scale = 1.0 : f32} : (tensor<4x5x4x16xf32>, tensor<4x5x4x16xf32>, tensor<4x5x4x16xf32>, tensor<1x1x1x5xi1>) -> tensor<4x5x4x16xf32>
  return
}

// -----

// attention C9
func.func @f(%q: tensor<4x5x4x16xf32>) {
  // expected-error @+2 {{expected causal_lowest or causal_adds_lowest, got both}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %q, %q {causal, causal_lowest, causal_adds_lowest, scale = 1.0 : f32} : (tensor<4x5x4x16xf32>, tensor<4x5x4x16xf32>, tensor<4x5x4x16xf32>) -> tensor<4x5x4x16xf32>
  return
}

// -----

// attention C10
func.func @f(%q: tensor<4x5x4x16xf32>) {
  // expected-error @+2 {{expected a positive softcap, got -2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.attention %q, %q, %q {softcap = -2.0 : f32, scale = 1.0 : f32} : (tensor<4x5x4x16xf32>, tensor<4x5x4x16xf32>, tensor<4x5x4x16xf32>) -> tensor<4x5x4x16xf32>
  return
}

// -----

// rotary C2
func.func @f(%x: tensor<2x5x8xf32>, %a: tensor<5x4xf32>, %b: tensor<1x4xf32>) {
  // expected-error @+2 {{expected cos and sin to have one type, got 'tensor<5x4xf32>' and 'tensor<1x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.rotary %x, %a, %b : (tensor<2x5x8xf32>, tensor<5x4xf32>, tensor<1x4xf32>) -> tensor<2x5x8xf32>
  return
}

// -----

// rotary C3
func.func @f(%x: tensor<2x5x8xf32>, %a: tensor<4x4xf32>) {
  // expected-error @+2 {{expected cos and sin to broadcast to [2, 5, 8] but for the last dimension, got [4, 4]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.rotary %x, %a, %a : (tensor<2x5x8xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<2x5x8xf32>
  return
}

// -----

// rotary C4
func.func @f(%x: tensor<2x5x8xf32>, %a: tensor<5x5xf32>) {
  // expected-error @+2 {{expected cos and sin of at most half of 8 elements, got 5}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.rotary %x, %a, %a : (tensor<2x5x8xf32>, tensor<5x5xf32>, tensor<5x5xf32>) -> tensor<2x5x8xf32>
  return
}

// -----

// random C1: bits are integers
func.func @f() {
  // expected-error @+1 {{expected integer elements for bits, got 'f32'}}
  %0 = winnow.random bits {seed = 0 : i32, stream = 0 : i32} : () -> tensor<4xf32>
  return
}

// -----

// random C1: numbers are floats
func.func @f() {
  // expected-error @+1 {{expected float elements for normal, got 'i32'}}
  %0 = winnow.random normal {seed = 0 : i32, stream = 0 : i32} : () -> tensor<4xi32>
  return
}

// -----

// random C2: the iteration has rank 0
func.func @f(%t: tensor<1xi64>) {
  // expected-error @+1 {{expected an iteration of rank 0, got 'tensor<1xi64>'}}
  %0 = winnow.random uniform iteration(%t) {seed = 0 : i32, stream = 0 : i32} : (tensor<1xi64>) -> tensor<4xf32>
  return
}

// -----

// Storage types are not computed with.
func.func @f(%x: tensor<2xf8E4M3FN>) {
  // expected-error @+1 {{'winnow.add' op operand #0 must be ranked tensor of floating-point or integer values, but got 'tensor<2xf8E4M3FN>'}}
  %0 = winnow.add %x, %x : (tensor<2xf8E4M3FN>, tensor<2xf8E4M3FN>) -> tensor<2xf8E4M3FN>
  return
}

// -----

func.func @f(%x: tensor<2xi4>) {
  // expected-error @+1 {{'winnow.compare' op operand #0 must be ranked tensor of floating-point or integer values, but got 'tensor<2xi4>'}}
  %0 = winnow.compare lt %x, %x : (tensor<2xi4>, tensor<2xi4>) -> tensor<2xi1>
  return
}

// -----

// Nor are there other types.
func.func @f(%x: tensor<2xi7>) {
  // expected-error @+1 {{'winnow.cast' op operand #0 must be ranked tensor of floating-point or integer or storage values, but got 'tensor<2xi7>'}}
  %0 = winnow.cast %x : (tensor<2xi7>) -> tensor<2xf32>
  return
}

// -----

// scatter_elements C5
func.func @f(%x: tensor<2x5xi4>, %i: tensor<2x3xi64>, %u: tensor<2x3xi4>) {
  // expected-error @+2 {{expected a reduction of none for elements of 'i4'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.scatter_elements %x, %i, %u {axis = 1 : i64, reduction = #winnow<scatter_reduction add>} : (tensor<2x5xi4>, tensor<2x3xi64>, tensor<2x3xi4>) -> tensor<2x5xi4>
  return
}

// -----

// scatter_nd C4
func.func @f(%x: tensor<2x5xf8E5M2>, %i: tensor<4x2xi64>, %u: tensor<4xf8E5M2>) {
  // expected-error @+2 {{expected a reduction of none for elements of 'f8E5M2'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.scatter_nd %x, %i, %u {reduction = #winnow<scatter_reduction max>} : (tensor<2x5xf8E5M2>, tensor<4x2xi64>, tensor<4xf8E5M2>) -> tensor<2x5xf8E5M2>
  return
}

// -----

// attention C11

func.func @f(%p: tensor<1x9x4x16xf32>, %o: tensor<3xi64>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{expected key_offsets and key_lengths together, got key_offsets alone}}
  %0 = winnow.attention %p, %p, %p key_offsets(%o) {scale = 1.0 : f32} : (tensor<1x9x4x16xf32>, tensor<1x9x4x16xf32>, tensor<1x9x4x16xf32>, tensor<3xi64>) -> tensor<1x9x4x16xf32>
  return
}

// -----

// attention C12

func.func @f(%p: tensor<2x9x4x16xf32>, %o: tensor<3xi64>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{expected packed queries to have a first dimension of 1, got 2}}
  %0 = winnow.attention %p, %p, %p query_offsets(%o) {scale = 1.0 : f32} : (tensor<2x9x4x16xf32>, tensor<2x9x4x16xf32>, tensor<2x9x4x16xf32>, tensor<3xi64>) -> tensor<2x9x4x16xf32>
  return
}

// -----

// attention C1: the batch of offsets

func.func @f(%p: tensor<1x9x4x16xf32>, %k: tensor<2x9x4x16xf32>, %o: tensor<4xi64>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{expected offsets of one number more than sequences, [3], got [4]}}
  %0 = winnow.attention %p, %k, %k query_offsets(%o) {scale = 1.0 : f32} : (tensor<1x9x4x16xf32>, tensor<2x9x4x16xf32>, tensor<2x9x4x16xf32>, tensor<4xi64>) -> tensor<1x9x4x16xf32>
  return
}

// -----

// attention C13: a mask of packed tokens without positions

func.func @f(%p: tensor<1x9x4x16xf32>, %k: tensor<2x5x4x16xf32>, %o: tensor<3xi64>, %m: tensor<1x1x7x5xf32>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{expected query_positions with a mask and packed tokens, got none}}
  %0 = winnow.attention %p, %k, %k mask(%m) query_offsets(%o) {scale = 1.0 : f32} : (tensor<1x9x4x16xf32>, tensor<2x5x4x16xf32>, tensor<2x5x4x16xf32>, tensor<1x1x7x5xf32>, tensor<3xi64>) -> tensor<1x9x4x16xf32>
  return
}

// -----

// attention C13: positions without a mask

func.func @f(%p: tensor<1x9x4x16xf32>, %o: tensor<3xi64>, %l: tensor<2xi64>, %at: tensor<9xi64>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{expected key_positions only with a mask and packed tokens, got them}}
  %0 = winnow.attention %p, %p, %p key_positions(%at) query_offsets(%o) key_offsets(%o) key_lengths(%l) {scale = 1.0 : f32} : (tensor<1x9x4x16xf32>, tensor<1x9x4x16xf32>, tensor<1x9x4x16xf32>, tensor<9xi64>, tensor<3xi64>, tensor<3xi64>, tensor<2xi64>) -> tensor<1x9x4x16xf32>
  return
}

// -----

// rational C1
// expected-error @+1 {{expected coefficients of shape [groups, degrees], got 'tensor<2xf32>' and 'tensor<1x1xf32>'}}
func.func private @f() attributes {r = #winnow.rational<abs_sum, dense<[0.0, 1.0]> : tensor<2xf32>, dense<0.5> : tensor<1x1xf32>>}

// -----

// rational C2
// expected-error @+1 {{expected coefficients of f32 or f64, got 'f32' and 'f64'}}
func.func private @f() attributes {r = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<0.5> : tensor<1x1xf64>>}

// -----

// rational C3
// expected-error @+1 {{expected as many numerators as denominators, or one, got 3 and 2}}
func.func private @f() attributes {r = #winnow.rational<abs_sum, dense<0.0> : tensor<3x2xf32>, dense<0.5> : tensor<2x1xf32>>}

// -----

// group_rational C1
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected the last dimension to be a multiple of 2 groups, got 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.group_rational %x {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [1.5]]> : tensor<2x1xf32>>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// group_rational C1: a scalar has no channels
func.func @f(%x: tensor<f32>) {
  // expected-error @+2 {{expected a value of rank 1 or more, got rank 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.group_rational %x {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [1.5]]> : tensor<2x1xf32>>} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

// linear C5
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>) {
  // expected-error @+2 {{expected a rational function with the activation group_rational, and only there}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.linear %x, %w {rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<0.5> : tensor<1x1xf32>>} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

// linear C6
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>) {
  // expected-error @+2 {{expected the last dimension to be a multiple of 2 groups, got 5}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.linear %x, %w {activation = #winnow<activation group_rational>, rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [1.5]]> : tensor<2x1xf32>>} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

// layer_norm C3
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected the last dimension to be a multiple of 2 groups, got 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.layer_norm %x {epsilon = 1.0e-5 : f32, rational = #winnow.rational<abs_sum, dense<[[0.0, 1.0]]> : tensor<1x2xf32>, dense<[[0.5], [1.5]]> : tensor<2x1xf32>>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// bspline C1
func.func @f(%x: tensor<5x3xf32>) {
  // expected-error @+2 {{expected a degree of 1 or more, got 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.bspline %x {degree = 0 : i64, knots = dense<[[0.0, 1.0, 2.0]]> : tensor<1x3xf32>} : (tensor<5x3xf32>) -> tensor<5x1x3xf32>
  return
}

// -----

// bspline C2: rows
func.func @f(%x: tensor<5x3xf32>) {
  // expected-error @+2 {{expected knots for 1 channel or 3, got 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.bspline %x {degree = 1 : i64, knots = dense<0.0> : tensor<2x3xf32>} : (tensor<5x3xf32>) -> tensor<5x1x3xf32>
  return
}

// -----

// bspline C2: columns
func.func @f(%x: tensor<5x3xf32>) {
  // expected-error @+2 {{expected at least 3 knots a channel, got 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.bspline %x {degree = 1 : i64, knots = dense<0.0> : tensor<1x2xf32>} : (tensor<5x3xf32>) -> tensor<5x1x3xf32>
  return
}

// -----

// bspline C2: type
func.func @f(%x: tensor<5x3xf32>) {
  // expected-error @+2 {{expected knots to be dense f32 of rank 2, got 'tensor<3xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.bspline %x {degree = 1 : i64, knots = dense<[0.0, 1.0, 2.0]> : tensor<3xf32>} : (tensor<5x3xf32>) -> tensor<5x1x3xf32>
  return
}

// -----

// bspline C3
func.func @f(%x: tensor<5x3xf32>) {
  // expected-error @+2 {{expected the knots of a channel to increase, got 1.000000e+00 before 1.000000e+00}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.bspline %x {degree = 1 : i64, knots = dense<[[0.0, 1.0, 1.0]]> : tensor<1x3xf32>} : (tensor<5x3xf32>) -> tensor<5x1x3xf32>
  return
}

// -----

// gaussian_basis C1
func.func @f(%x: tensor<5x3xf32>) {
  // expected-error @+2 {{expected centers for 1 channel or 3, got 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.gaussian_basis %x {centers = dense<0.0> : tensor<2x1xf32>, factor = 1.0 : f32} : (tensor<5x3xf32>) -> tensor<5x1x3xf32>
  return
}

// -----

// bases: a scalar has no channels
func.func @f(%x: tensor<f32>) {
  // expected-error @+2 {{expected an input of rank 1 or more, got rank 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.gaussian_basis %x {centers = dense<0.0> : tensor<1x1xf32>, factor = 1.0 : f32} : (tensor<f32>) -> tensor<1xf32>
  return
}

// -----

// bspline C4
func.func @f(%x: tensor<5x3xf32>) {
  // expected-error @+2 {{expected dense f32 coefficients of shape [1 or 3, 1], got 'tensor<1x2xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.bspline %x {coefficients = dense<1.0> : tensor<1x2xf32>, degree = 1 : i64, knots = dense<[[0.0, 1.0, 2.0]]> : tensor<1x3xf32>} : (tensor<5x3xf32>) -> tensor<5x3xf32>
  return
}

// -----

// gaussian_basis C2
func.func @f(%x: tensor<5x3xf32>) {
  // expected-error @+2 {{expected dense f32 coefficients of shape [1 or 3, 1], got 'tensor<2x1xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.gaussian_basis %x {coefficients = dense<1.0> : tensor<2x1xf32>, centers = dense<0.0> : tensor<1x1xf32>, factor = 1.0 : f32} : (tensor<5x3xf32>) -> tensor<5x3xf32>
  return
}

// -----

// probsparse_attention C1: batch sizes
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<3x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x3xi64>) {
  // expected-error @+2 {{expected query and key batch sizes to match, got 2 and 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {kept = 2 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<3x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<5x3xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C2: lengths
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x6x4x8xf32>, %t: tensor<5x3xi64>) {
  // expected-error @+2 {{expected key and value lengths to match, got 7 and 6}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {kept = 2 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x6x4x8xf32>, tensor<5x3xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C3: head sizes
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x8xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x3xi64>) {
  // expected-error @+2 {{expected query and key head sizes to match, got 16 and 8}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {kept = 2 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x8xf32>, tensor<2x7x4x8xf32>, tensor<5x3xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C4: heads
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x2x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x3xi64>) {
  // expected-error @+2 {{expected query and key heads to match, got 4 and 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {kept = 2 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x2x16xf32>, tensor<2x7x4x8xf32>, tensor<5x3xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C5: the table has a row for each query
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<4x3xi64>) {
  // expected-error @+2 {{expected a table of [samples] or [5, samples], got [4, 3]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {kept = 2 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<4x3xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C5: samples
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x0xi64>) {
  // expected-error @+2 {{expected a table of [samples] or [5, samples], got [5, 0]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {kept = 2 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<5x0xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C6: a query is kept
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x3xi64>) {
  // expected-error @+2 {{expected to keep 1 to 5 queries, got 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {kept = 0 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<5x3xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C6: no more than there are
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x3xi64>) {
  // expected-error @+2 {{expected to keep 1 to 5 queries, got 6}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {kept = 6 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<5x3xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C7: running sums
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x3xi64>) {
  // expected-error @+2 {{expected as many queries as keys under cumsum, got 5 and 7}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {cumsum, kept = 2 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<5x3xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C8: the mask broadcasts
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x3xi64>, %m: tensor<2x1x1x6xf32>) {
  // expected-error @+2 {{expected the mask to broadcast to [2, 4, 5, 7], got [2, 1, 1, 6]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t mask(%m) {kept = 2 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<5x3xi64>, tensor<2x1x1x6xf32>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C8: the mask's type
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x3xi64>, %m: tensor<2x1x1x7xi64>) {
  // expected-error @+2 {{expected a mask of i1 or the query's element type, got 'i64'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t mask(%m) {kept = 2 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<5x3xi64>, tensor<2x1x1x7xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C9: the divisor
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x3xi64>) {
  // expected-error @+2 {{expected a finite divisor other than 0, got 0.000000e+00}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {divisor = 0.0 : f32, kept = 2 : i64, scale = 1.0 : f32} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<5x3xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// probsparse_attention C9: a scale that comes first
func.func @f(%q: tensor<2x5x4x16xf32>, %k: tensor<2x7x4x16xf32>, %v: tensor<2x7x4x8xf32>, %t: tensor<5x3xi64>) {
  // expected-error @+2 {{expected a positive scale before the measure, got -1.000000e+00}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.probsparse_attention %q, %k, %v, %t {kept = 2 : i64, scale = -1.0 : f32, scale_first} : (tensor<2x5x4x16xf32>, tensor<2x7x4x16xf32>, tensor<2x7x4x8xf32>, tensor<5x3xi64>) -> tensor<2x5x4x8xf32>
  return
}

// -----

// topk_activation C1
func.func @f(%x: tensor<f32>) {
  // expected-error @+2 {{expected an input of rank 1 or more, got rank 0}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.topk_activation %x {k = 1 : i64} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

// topk_activation C2
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+2 {{expected k to be at most the last dimension, got 4 and 3}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.topk_activation %x {k = 4 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// topk_activation C2
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{attribute 'k' failed to satisfy constraint}}
  %0 = winnow.topk_activation %x {k = 0 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

// sparse_linear C2
func.func @f(%x: tensor<2x3xf32>, %w: tensor<4x5xf32>) {
  // expected-error @+2 {{expected the input's last dimension to be the weight's K, got 3 and 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.sparse_linear %x, %w : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

// sparse_linear C5
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>, %g: tensor<2x4xf32>) {
  // expected-error @+2 {{expected the gate to have the result's type 'tensor<2x5xf32>', got 'tensor<2x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.sparse_linear %x, %w gate(%g) : (tensor<2x3xf32>, tensor<3x5xf32>, tensor<2x4xf32>) -> tensor<2x5xf32>
  return
}

// -----

// sparse_linear C6
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>, %g: tensor<2x5xf32>) {
  // expected-error @+2 {{expected a gate or a residual, got both}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.sparse_linear %x, %w gate(%g) residual(%g) : (tensor<2x3xf32>, tensor<3x5xf32>, tensor<2x5xf32>, tensor<2x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

// sparse_linear C7
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xf32>) {
  // expected-error @+2 {{expected an activation without coefficients, got group_rational}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.sparse_linear %x, %w {activation = #winnow<activation group_rational>} : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

// quantize_rows C1
func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{expected an input of rank 1 or more, got rank 0}}
  %0:3 = winnow.quantize_rows %x : (tensor<f32>) -> (tensor<ui8>, tensor<f32>, tensor<ui8>)
  return
}

// -----

// quantize_rows C2
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected values of type 'tensor<2x3xui8>', got 'tensor<2x4xui8>'}}
  %0:3 = winnow.quantize_rows %x : (tensor<2x3xf32>) -> (tensor<2x4xui8>, tensor<2x1xf32>, tensor<2x1xui8>)
  return
}

// -----

// quantize_rows C4
func.func @f(%x: tensor<2x3xf32>, %f: tensor<2xf32>) {
  // expected-error @+1 {{expected a factor for each of 3 channels, got 'tensor<2xf32>'}}
  %0:3 = winnow.quantize_rows %x factors(%f) : (tensor<2x3xf32>, tensor<2xf32>) -> (tensor<2x3xui8>, tensor<2x1xf32>, tensor<2x1xui8>)
  return
}

// -----

// quantize_rows C3
func.func @f(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected a scale of type 'tensor<2x1xf32>', got 'tensor<2xf32>'}}
  %0:3 = winnow.quantize_rows %x : (tensor<2x3xf32>) -> (tensor<2x3xui8>, tensor<2xf32>, tensor<2x1xui8>)
  return
}

// -----

// quantized_matmul C1
func.func @f(%a: tensor<3xi8>, %b: tensor<3x5xi8>, %s: tensor<f32>) {
  // expected-error @+2 {{expected operands of rank 2 or more, got ranks 1 and 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_matmul %a, %b scale(%s) : (tensor<3xi8>, tensor<3x5xi8>, tensor<f32>) -> tensor<5xf32>
  return
}

// -----

// quantized_matmul C2
func.func @f(%a: tensor<2x3xi8>, %b: tensor<3x5xi8>, %s: tensor<f32>) {
  // expected-error @+2 {{expected inner dimensions to match, got 3 and 5}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_matmul %a, %b scale(%s) {transpose_rhs} : (tensor<2x3xi8>, tensor<3x5xi8>, tensor<f32>) -> tensor<2x3xf32>
  return
}

// -----

// quantized_matmul C3
func.func @f(%a: tensor<2x3xi8>, %b: tensor<3x5xi8>, %s: tensor<f32>, %z: tensor<ui8>) {
  // expected-error @+2 {{expected a rhs_zero of type 'tensor<i8>', got 'tensor<ui8>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_matmul %a, %b scale(%s) rhs_zero(%z) : (tensor<2x3xi8>, tensor<3x5xi8>, tensor<f32>, tensor<ui8>) -> tensor<2x5xf32>
  return
}

// -----

// quantized_linear C1
func.func @f(%x: tensor<2x3xi8>, %w: tensor<4x5xi8>, %s: tensor<f32>) {
  // expected-error @+2 {{expected the input's last dimension to be the weight's K, got 3 and 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_linear %x, %w scale(%s) : (tensor<2x3xi8>, tensor<4x5xi8>, tensor<f32>) -> tensor<2x5xf32>
  return
}

// -----

// quantized_linear C1
func.func @f(%x: tensor<2x3xi8>, %w: tensor<3x5xi8>, %s: tensor<4xf32>) {
  // expected-error @+2 {{expected a scale of shape [5], got [4]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_linear %x, %w scale(%s) : (tensor<2x3xi8>, tensor<3x5xi8>, tensor<4xf32>) -> tensor<2x5xf32>
  return
}

// -----

// quantized_linear C1
func.func @f(%x: tensor<2x3xi8>, %w: tensor<3x5xi8>, %s: tensor<f32>, %z: tensor<2xi8>) {
  // expected-error @+2 {{expected a zero of shape [2, 1], got [2]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_linear %x, %w scale(%s) zero(%z) : (tensor<2x3xi8>, tensor<3x5xi8>, tensor<f32>, tensor<2xi8>) -> tensor<2x5xf32>
  return
}

// -----

// quantized_linear C2
func.func @f(%x: tensor<2x3xi8>, %w: tensor<3x5xi8>, %s: tensor<f32>, %z: tensor<ui8>) {
  // expected-error @+2 {{expected a zero of 'i8', got 'ui8'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_linear %x, %w scale(%s) zero(%z) : (tensor<2x3xi8>, tensor<3x5xi8>, tensor<f32>, tensor<ui8>) -> tensor<2x5xf32>
  return
}

// -----

// quantized_linear C3
func.func @f(%x: tensor<2x3xi8>, %w: tensor<3x5xi8>, %s: tensor<f32>) {
  // expected-error @+2 {{expected an activation without coefficients, got group_rational}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_linear %x, %w scale(%s) {activation = #winnow<activation group_rational>} : (tensor<2x3xi8>, tensor<3x5xi8>, tensor<f32>) -> tensor<2x5xf32>
  return
}

// -----

// quantized_linear C5
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xi8>, %s: tensor<f32>) {
  // expected-error @+2 {{expected a block_size beside round_input}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_linear %x, %w scale(%s) {round_input} : (tensor<2x3xf32>, tensor<3x5xi8>, tensor<f32>) -> tensor<2x5xf32>
  return
}

// -----

// quantized_linear C4
func.func @f(%x: tensor<2x3xf32>, %w: tensor<3x5xi8>, %s: tensor<f32>, %r: tensor<2x1xf32>) {
  // expected-error @+2 {{expected no zero and no row_scale of an input of floats}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_linear %x, %w scale(%s) row_scale(%r) : (tensor<2x3xf32>, tensor<3x5xi8>, tensor<f32>, tensor<2x1xf32>) -> tensor<2x5xf32>
  return
}

// -----

// quantized_linear C4
func.func @f(%x: tensor<2x3xi8>, %w: tensor<3x5xi4>, %s: tensor<f32>) {
  // expected-error @+2 {{expected a weight of 8 bits without blocks for an input of integers}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_linear %x, %w scale(%s) : (tensor<2x3xi8>, tensor<3x5xi4>, tensor<f32>) -> tensor<2x5xf32>
  return
}

// -----

// quantized_linear C1
func.func @f(%x: tensor<2x40xf32>, %w: tensor<40x5xi4>, %s: tensor<2x5xf32>) {
  // expected-error @+2 {{expected a scale of shape [3, 5], got [2, 5]}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = winnow.quantized_linear %x, %w scale(%s) {block_size = 16 : i64} : (tensor<2x40xf32>, tensor<40x5xi4>, tensor<2x5xf32>) -> tensor<2x5xf32>
  return
}
