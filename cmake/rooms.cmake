# One target a room. Include directories are private: a room reaches another only by being listed under USES, and
# scripts/check refuses an #include that docs/architecture.md does not allow.
function(foyer_room name)
  cmake_parse_arguments(ROOM "" "DIR" "USES;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${ROOM_DIR}/*.cpp")
  if(NOT sources)
    set(sources "${CMAKE_BINARY_DIR}/generated/none.cpp")
    file(WRITE "${sources}" "")
  endif()
  add_library(foyer_${name} STATIC ${sources})
  target_include_directories(foyer_${name} PRIVATE "${CMAKE_SOURCE_DIR}/daemon" "${CMAKE_SOURCE_DIR}"
    "${CMAKE_BINARY_DIR}/generated")
  foreach(room IN LISTS ROOM_USES)
    target_link_libraries(foyer_${name} PRIVATE foyer_${room})
  endforeach()
  target_link_libraries(foyer_${name} PRIVATE fmt::fmt ${ROOM_LIBS})
endfunction()

# foyer_test(NAME LEVEL SOURCES … USES rooms LIBS …): one GoogleTest program; LEVEL is its ctest label.
function(foyer_test name level)
  cmake_parse_arguments(TEST "SERIAL" "TIMEOUT" "SOURCES;USES;LIBS" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/daemon" "${CMAKE_SOURCE_DIR}"
    "${CMAKE_SOURCE_DIR}/tests" "${CMAKE_BINARY_DIR}/generated")
  foreach(room IN LISTS TEST_USES)
    target_link_libraries(${name} PRIVATE foyer_${room})
  endforeach()
  target_link_libraries(${name} PRIVATE fmt::fmt ${TEST_LIBS} GTest::gmock GTest::gtest_main Threads::Threads)
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 60)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${level}" TIMEOUT ${TEST_TIMEOUT} RUN_SERIAL "${TEST_SERIAL}")
endfunction()
