import pytest

from engine.build.plan import absolute, plan_stage
from engine.build.scope import Scope, automatic_arguments
from engine.build.stages import cut_into_stages
from engine.build.steps import ConfigStep, CopyStep, DirectoryStep, RunStep
from engine.dockerfile.parser import parse
from engine.dockerfile.reading import read_instructions
from engine.errors import DockerfileError, UnknownStage
from engine.oci.config import ProcessDefaults
from engine.oci.platform import Platform

AMD64 = Platform("linux", "amd64")


def stages_of(text, **given):
    variables = {**automatic_arguments(AMD64, AMD64, stage=""), **given}
    dockerfile = parse(text.encode())
    return cut_into_stages(read_instructions(dockerfile), variables, escape=dockerfile.escape)


def plan_of(text, *, given=None, base=None, **options):
    given = given or {}
    automatic = automatic_arguments(AMD64, AMD64, stage="")
    stages = stages_of(text, **given)
    stage = stages.target("")
    scope = Scope(given, stages.arguments, automatic)
    return plan_stage(
        stage, stages, base=base or ProcessDefaults(), scope=scope, escape="\\", **options
    )


def step_of(text, **options):
    return plan_of(f"FROM a\n{text}", **options).steps[-1]


class TestStages:
    def test_a_stage_stands_on_an_earlier_one_of_that_name(self):
        stages = stages_of("FROM a AS one\nFROM One AS two\nFROM two").stages

        assert [each.base for each in stages] == ["a", 0, 1]

    def test_a_later_stage_of_that_name_is_an_image(self):
        assert stages_of("FROM two\nFROM b AS two").stages[0].base == "two"

    def test_the_latest_stage_of_a_name_is_meant(self):
        assert stages_of("FROM a AS x\nFROM b AS x\nFROM x").stages[2].base == 1

    @pytest.mark.parametrize("line", ["COPY --from=x a /", "RUN --mount=from=X,target=/m true"])
    def test_a_stage_does_not_take_from_itself(self, line):
        with pytest.raises(UnknownStage, match="circular dependency detected on stage: x"):
            stages_of(f"FROM a AS x\n{line}")

    def test_an_earlier_stage_of_the_same_name_can_be_taken_from(self):
        stages = stages_of("FROM a AS x\nFROM b AS x\nCOPY --from=x a /")

        assert stages.stages[1].needs == {0}

    def test_a_number_is_no_base(self):
        assert stages_of("FROM a\nFROM 0").stages[1].base == "0"

    def test_only_what_the_target_needs_is_built(self):
        stages = stages_of(
            "FROM a AS one\nFROM b AS two\nFROM c AS three\n"
            "COPY --from=one x /\nFROM three\nRUN --mount=from=1,target=/x true\nFROM d"
        )

        assert [each.index for each in stages.needed(stages.target("3"))] == [0, 1, 2, 3]
        assert [each.index for each in stages.needed(stages.target("THREE"))] == [0, 2]
        assert [each.index for each in stages.needed(stages.target(""))] == [4]

    def test_an_unknown_target_is_refused_with_the_nearest(self):
        with pytest.raises(UnknownStage) as caught:
            stages_of("FROM a AS build").target("biuld")

        assert caught.value.remedy == "Did you mean build?"

    @pytest.mark.parametrize("number", ["1", "2", "7"])
    def test_a_stage_cannot_copy_from_itself_or_a_later_one(self, number):
        with pytest.raises(UnknownStage):
            stages_of(f"FROM a\nFROM b\nCOPY --from={number} x /\nFROM c")

    def test_arguments_before_the_first_stage_are_for_bases(self):
        text = "ARG V=1\nARG I=img:$V\nFROM $I\nFROM --platform=$TARGETPLATFORM b:${V:-x}"

        assert [each.base for each in stages_of(text).stages] == ["img:1", "b:1"]
        assert [each.base for each in stages_of(text, V="2").stages] == ["img:2", "b:2"]
        assert stages_of(text).stages[1].platform == AMD64

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("RUN x\nFROM a", 1),
            ("ARG A\nARG B", 2),
            ("ARG A\nFROM $A", 2),
            ("FROM a AS scratch", 1),
            ("FROM --platform=what a", 1),
            ("FROM a:${X!}", 1),
        ],
    )
    def test_what_cannot_be_is_refused_at_its_line(self, text, line):
        with pytest.raises(DockerfileError) as caught:
            stages_of(text)

        assert caught.value.line == line


class TestArguments:
    def test_an_argument_is_unknown_before_its_declaration(self):
        plan = plan_of("FROM a\nENV X=$A\nARG A=1\nENV Y=$A")

        assert plan.effects.defaults.env == ("X=", "Y=1")

    def test_what_the_build_was_given_beats_the_default(self):
        assert plan_of("FROM a\nARG A=1\nENV X=$A", given={"A": "2"}).effects.defaults.env == (
            "X=2",
        )

    def test_what_was_given_is_not_seen_without_a_declaration(self):
        assert plan_of("FROM a\nENV X=$A", given={"A": "2"}).effects.defaults.env == ("X=",)

    def test_a_global_argument_is_inherited_where_it_is_declared_again(self):
        assert plan_of("ARG A=1\nFROM a\nENV X=$A\nARG A\nENV Y=$A").effects.defaults.env == (
            "X=",
            "Y=1",
        )

    def test_the_environment_hides_an_argument(self):
        plan = plan_of("FROM a\nENV A=env\nARG A=arg\nENV X=$A\nRUN x")

        assert "X=env" in plan.effects.defaults.env
        assert "A=env" in plan.steps[-1].env
        assert "A=arg" not in plan.steps[-1].env

    def test_a_default_sees_the_arguments_before_it(self):
        assert plan_of("FROM a\nARG A=1 B=$A\nARG C=$B\nENV X=$C").effects.defaults.env == ("X=1",)

    def test_the_platform_is_known_where_it_is_declared(self):
        assert plan_of("FROM a\nARG TARGETARCH\nENV X=$TARGETARCH").effects.defaults.env == (
            "X=amd64",
        )

    def test_proxies_reach_programs_and_nothing_else(self):
        step = step_of("RUN x", given={"HTTP_PROXY": "http://p"})

        assert step.proxies == ("HTTP_PROXY=http://p",)
        assert "p" not in step.created_by.removeprefix("RUN /bin/sh -c x")
        assert step.identity() == step_of("RUN x").identity()


class TestRun:
    def test_it_runs_with_the_config_of_its_line(self):
        base = ProcessDefaults(env=("PATH=/p",), user="ana", working_dir="/w")
        step = step_of("ARG A=1\nUSER bob\nWORKDIR sub\nRUN echo", base=base)

        assert isinstance(step, RunStep)
        assert (step.user, step.working_dir) == ("bob", "/w/sub")
        assert step.env == ("PATH=/p", "A=1")
        assert step.arguments == ("/bin/sh", "-c", "echo")
        assert step.created_by == "RUN |1 A=1 /bin/sh -c echo"

    def test_the_shell_expands_and_not_the_build(self):
        assert step_of("ENV A=1\nRUN echo $A").arguments[-1] == "echo $A"

    def test_a_here_document_is_given_to_the_shell(self):
        assert step_of("RUN <<E\na\nb\nE").arguments == ("/bin/sh", "-c", "a\nb\n")

    def test_a_here_document_beside_a_command_stays_one(self):
        assert step_of("RUN cat <<E > /x\na\nE").arguments[-1] == "cat <<E > /x\na\nE"

    def test_a_here_document_with_an_interpreter_is_executed(self):
        step = step_of("RUN <<E\n#!/usr/bin/env python3\nprint(1)\nE")

        assert step.arguments == ("/dev/pipes/E",)
        assert step.script == b"#!/usr/bin/env python3\nprint(1)\n"

    def test_options_of_mounts_are_expanded(self):
        step = step_of("ARG D=/c\nRUN --mount=type=cache,target=$D/x,id=${D} y")

        assert step.mounts[0].options == (("target", "/c/x"), ("id", "/c"))


class TestCopy:
    def test_each_word_is_expanded_and_stays_one(self):
        step = step_of('ENV L="a b" Q=c\nCOPY $L "$L" ${Q} /to/')

        assert isinstance(step, CopyStep)
        assert step.sources == ("a b", "a b", "c")
        assert step.created_by == 'COPY $L "$L" ${Q} /to/'

    @pytest.mark.parametrize(
        ("working_dir", "written", "expected"),
        [
            ("", "x", "/x"),
            ("/w", "x", "/w/x"),
            ("/w", ".", "/w/"),
            ("/w", "./", "/w/"),
            ("/w", "x/", "/w/x/"),
            ("/w", "/x/../y", "/y"),
            ("/w", "../../..", "/"),
            ("/w", "/", "/"),
            ("/w", "x/.", "/w/x/"),
        ],
    )
    def test_a_destination_is_seen_from_the_working_directory(self, working_dir, written, expected):
        assert absolute(working_dir, written) == expected

    def test_several_sources_need_a_directory(self):
        with pytest.raises(DockerfileError, match="must be a directory and end with a /"):
            step_of("COPY a b /c")

    def test_here_documents_are_files_of_their_own(self):
        step = step_of("ARG A=1\nCOPY <<x <<'y' /d/\n$A\nx\n$A\ny")

        assert step.inline == (("x", b"1\n"), ("y", b"$A\n"))

    def test_a_stage_is_meant_before_an_image(self):
        text = "FROM a AS one\nFROM b\nCOPY --from={} x /"

        assert plan_of(text.format("one")).steps[-1].origin == 0
        assert plan_of(text.format("0")).steps[-1].origin == 0
        assert plan_of(text.format("two:1")).steps[-1].origin == "two:1"

    @pytest.mark.parametrize("flag", ["--chmod=u+y", "--chmod=888", "--exclude=[a"])
    def test_a_flag_that_means_nothing_is_refused(self, flag):
        with pytest.raises(DockerfileError):
            step_of(f"COPY {flag} a b")


def test_a_working_directory_is_made_for_the_user_of_its_line():
    step = step_of("USER ana\nWORKDIR /a\nWORKDIR b")

    assert isinstance(step, DirectoryStep)
    assert (step.path, step.user, step.effects.defaults.working_dir) == ("/a/b", "ana", "/a/b")


def test_triggers_of_the_base_come_first_and_are_gone():
    base = ProcessDefaults(on_build=("ENV A=1", "RUN make"))
    plan = plan_of("FROM a\nENV B=$A", base=base)

    assert [type(each) for each in plan.steps] == [ConfigStep, RunStep, ConfigStep]
    assert plan.effects.defaults.on_build == ()
    assert plan.effects.defaults.env == ("A=1", "B=1")


def test_a_bad_trigger_names_the_base():
    with pytest.raises(DockerfileError, match="base image's ONBUILD 'NONSENSE x'"):
        plan_of("FROM a", base=ProcessDefaults(on_build=("NONSENSE x",)))


def test_a_maintainer_is_the_author():
    assert plan_of("FROM a\nMAINTAINER Ana").author == "Ana"


def test_equal_plans_have_equal_identities():
    text = "FROM a\nARG A=1\nENV B=$A\nRUN --mount=target=/x y\nCOPY a /b\nWORKDIR /w"

    assert [e.identity() for e in plan_of(text).steps] == [
        e.identity() for e in plan_of(text).steps
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ENV A=1", "ENV A=2"),
        ("RUN x", "RUN y"),
        ("RUN x", 'RUN ["x"]'),
        ("USER a\nRUN x", "RUN x"),
        ("ARG A=1\nRUN x", "ARG A=2\nRUN x"),
        ("WORKDIR /a\nRUN x", "RUN x"),
        ("RUN --network=none x", "RUN x"),
        ("RUN --mount=type=cache,target=/a x", "RUN --mount=type=cache,target=/b x"),
        ("COPY a /b", "ADD a /b"),
        ("COPY a /b", "COPY --chown=1 a /b"),
        ("COPY a /b", "COPY --chmod=1 a /b"),
        ("COPY a /b", "COPY a /b/"),
        ("COPY <<a /b\nx\na", "COPY <<a /b\ny\na"),
    ],
)
def test_what_differs_is_no_cache_for_each_other(one, other):
    assert step_of(one).identity() != step_of(other).identity()


def test_the_host_s_network_is_for_builds_that_may_use_it():
    text = "RUN --network=host true"
    assert step_of(text).network == "host"
    with pytest.raises(DockerfileError, match="not allowed"):
        step_of(text, may_use_host_network=False)
    base = ProcessDefaults(on_build=(text,))
    with pytest.raises(DockerfileError, match="not allowed"):
        plan_of("FROM a", base=base, may_use_host_network=False)


@pytest.mark.parametrize(
    "text",
    [
        "RUN --mount=type=tmpfs,target=/t --network=nowhere x",
        "COPY --chown=1 --chmod=999 a /",
        "ADD --link --checksum=md5:1 https://host/f /",
        "COPY --link --exclude=[ a /",
    ],
)
def test_a_flag_that_is_wrong_is_pointed_at(text):
    with pytest.raises(DockerfileError) as caught:
        plan_of(f"FROM a\n{text}")

    wrong = text.rindex(" --") + 2
    assert (caught.value.line, caught.value.column) == (2, wrong)
