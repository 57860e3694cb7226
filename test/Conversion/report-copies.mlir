// RUN: winnow-opt %s --split-input-file --winnow-report-copies | FileCheck %s

#same = affine_map<(i, j) -> (i, j)>
#swapped = affine_map<(i, j) -> (j, i)>
#row = affine_map<(i, j) -> (j)>
#first = affine_map<(i, j) -> (0, j)>

// CHECK: location = "t"{{.*}}sentence = "copies 3x2xf32 of input 'x' to output 'y', in another order of dimensions: the model returns it"
// CHECK: sentence = "copies 3x2xf32 of a constant to output 'z', repeated: the model returns it"
// CHECK: sentence = "copies 3x2xf32 of a constant to output 'z', repeated: the model returns it"
// CHECK-LABEL: func @to_outputs
module {
  func.func @to_outputs(%w: memref<?xi8>, %n: index, %x: memref<2x3xf32> {winnow.name = "x"},
                        %y: memref<3x2xf32> {winnow.name = "y"}, %z: memref<3x2xf32> {winnow.name = "z"})
      attributes {winnow.entry, winnow.num_inputs = 1 : i64} {
    %c0 = arith.constant 0 : index
    linalg.generic {indexing_maps = [#swapped, #same], iterator_types = ["parallel", "parallel"]}
        ins(%x : memref<2x3xf32>) outs(%y : memref<3x2xf32>) {
    ^bb0(%a: f32, %o: f32):
      linalg.yield %a : f32
    } loc("t")
    %v = memref.view %w[%c0][] : memref<?xi8> to memref<2xf32>
    linalg.generic {indexing_maps = [#row, #same], iterator_types = ["parallel", "parallel"]}
        ins(%v : memref<2xf32>) outs(%z : memref<3x2xf32>) {
    ^bb0(%a: f32, %o: f32):
      linalg.yield %a : f32
    }
    %u = memref.view %w[%c0][] : memref<?xi8> to memref<1x2xf32>
    linalg.generic {indexing_maps = [#first, #same], iterator_types = ["parallel", "parallel"]}
        ins(%u : memref<1x2xf32>) outs(%z : memref<3x2xf32>) {
    ^bb0(%a: f32, %o: f32):
      linalg.yield %a : f32
    }
    return
  }
}

// -----

#row = affine_map<(i, j) -> (i)>
#same = affine_map<(i, j) -> (i, j)>

// Rows that are gathered by a loop.

// CHECK: code = "copy.remains"{{[^}]*}}sentence = "gathers 2x3xf32 of input 'x' to output 'y': the model returns it"
// CHECK-LABEL: func @gathers
module {
  func.func @gathers(%w: memref<?xi8>, %i: memref<2xi64> {winnow.name = "i"}, %x: memref<9x3xf32> {winnow.name = "x"}, %y: memref<2x3xf32> {winnow.name = "y"})
      attributes {winnow.entry, winnow.num_inputs = 2 : i64} {
    linalg.generic {indexing_maps = [#row, #same], iterator_types = ["parallel", "parallel"]}
        ins(%i : memref<2xi64>) outs(%y : memref<2x3xf32>) {
    ^bb0(%n: i64, %o: f32):
      %r = arith.index_cast %n : i64 to index
      %c = linalg.index 1 : index
      %v = memref.load %x[%r, %c] : memref<9x3xf32>
      linalg.yield %v : f32
    }
    return
  }
}

// -----

// Indices are not what they index.

#same = affine_map<(i, j) -> (i, j)>
#swapped = affine_map<(i, j) -> (j, i)>

// CHECK: code = "copy.indices"{{[^}]*}}sentence = "copies 3x2xi64 of input 'i', in another order of dimensions: gather reads it so"
// CHECK-SAME: code = "copy.remains"{{[^}]*}}sentence = "copies 3x2xi64 of input 'i', in another order of dimensions: gather reads it so"
// CHECK-LABEL: func @indices
module {
  func.func private @gather(memref<1x9x4xf32>, memref<6xi64>, memref<1x6x4xf32>) attributes {winnow.kernel = {kind = "gather"}}
  func.func private @gather_0(memref<3x2x1xi64>, memref<6xi64>, memref<3x6x1xi64>) attributes {winnow.kernel = {kind = "gather"}}
  func.func @indices(%w: memref<?xi8>, %i: memref<2x3xi64> {winnow.name = "i"}, %x: memref<1x9x4xf32>, %n: memref<6xi64>, %y: memref<1x6x4xf32>, %z: memref<3x6x1xi64>)
      attributes {winnow.entry, winnow.num_inputs = 3 : i64} {
    %a = memref.alloc() : memref<3x2xi64>
    linalg.generic {indexing_maps = [#swapped, #same], iterator_types = ["parallel", "parallel"]}
        ins(%i : memref<2x3xi64>) outs(%a : memref<3x2xi64>) {
    ^bb0(%e: i64, %o: i64):
      linalg.yield %e : i64
    }
    %flat = memref.collapse_shape %a [[0, 1]] : memref<3x2xi64> into memref<6xi64>
    func.call @gather(%x, %flat, %y) : (memref<1x9x4xf32>, memref<6xi64>, memref<1x6x4xf32>) -> ()
    %b = memref.alloc() : memref<3x2xi64>
    linalg.generic {indexing_maps = [#swapped, #same], iterator_types = ["parallel", "parallel"]}
        ins(%i : memref<2x3xi64>) outs(%b : memref<3x2xi64>) {
    ^bb0(%e: i64, %o: i64):
      linalg.yield %e : i64
    }
    %data = memref.expand_shape %b [[0], [1, 2]] output_shape [3, 2, 1] : memref<3x2xi64> into memref<3x2x1xi64>
    func.call @gather_0(%data, %n, %z) : (memref<3x2x1xi64>, memref<6xi64>, memref<3x6x1xi64>) -> ()
    return
  }
}

// -----

#same = affine_map<(i, j) -> (i, j)>

// What reads the parts of a buffer, and what neither moves nor only moves.
// CHECK: winnow.report = [{
// CHECK-SAME: sentence = "copies 2x?xf32 of input 'x' to a part of a buffer: linear reads it so"
// CHECK-NOT: sentence
// CHECK-LABEL: func @to_parts
module {
  func.func private @linear_0(memref<4x?xf32>) attributes {winnow.kernel = {kind = "linear"}}
  func.func @to_parts(%w: memref<?xi8>, %n: index, %x: memref<2x?xf32> {winnow.name = "x"})
      attributes {winnow.entry, winnow.num_inputs = 1 : i64} {
    %zero = arith.constant 0.0 : f32
    %b = memref.alloc(%n) : memref<4x?xf32>
    linalg.fill ins(%zero : f32) outs(%b : memref<4x?xf32>)
    %part = memref.subview %b[0, 0] [2, %n] [1, 1] : memref<4x?xf32> to memref<2x?xf32, strided<[?, 1]>>
    memref.copy %x, %part : memref<2x?xf32> to memref<2x?xf32, strided<[?, 1]>>
    %rest = memref.subview %b[2, 0] [2, %n] [1, 1] : memref<4x?xf32> to memref<2x?xf32, strided<[?, 1], offset: ?>>
    linalg.generic {indexing_maps = [#same, #same], iterator_types = ["parallel", "parallel"]}
        ins(%x : memref<2x?xf32>) outs(%rest : memref<2x?xf32, strided<[?, 1], offset: ?>>) {
    ^bb0(%a: f32, %o: f32):
      %s = arith.addf %a, %a : f32
      linalg.yield %s : f32
    }
    func.call @linear_0(%b) : (memref<4x?xf32>) -> ()
    return
  }
}
