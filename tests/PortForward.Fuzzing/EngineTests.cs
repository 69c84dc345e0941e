using System.Text;
using PortForward.Fuzzing.Engine;

namespace PortForward.Fuzzing;

/// <summary>The engine finds what it is there to find, and the same again.</summary>
public sealed class EngineTests
{
    private static readonly FuzzInput Start = new(Encoding.ASCII.GetBytes("{\"a\":1} and so on"));

    [Fact]
    public async Task A_fault_is_found_and_its_input_made_small()
    {
        var target = new PlantedTarget(static input => Require.That(!input.Text.Contains('\0'), "no NUL"));

        Finding? finding = await new Campaign(target, [Start], seed: 1).RunAsync(static (mutations, _) => mutations < 5000);

        finding!.Signature.Should().Be("no NUL");
        finding.Input.Bytes.Should().Equal(0);
        finding.Describe(target).Should().Contain("Corpus/Planted/NAME.hex").And.Contain("\n00\n");
    }

    [Fact]
    public async Task A_hang_is_found()
    {
        var never = new TaskCompletionSource();
        var target = new PlantedTarget(_ => never.Task);

        Finding? finding = await Execution.TryAsync(target, Start, TimeSpan.FromMilliseconds(50));

        finding!.Signature.Should().Be("a run ends");
    }

    [Fact]
    public async Task Memory_without_bound_is_found()
    {
        var target = new PlantedTarget(static _ => GC.KeepAlive(new byte[65 << 20]));

        Finding? finding = await Execution.TryAsync(target, Start);

        finding!.Signature.Should().Be("memory is bounded");
    }

    [Theory]
    [InlineData("\u001b[2J")]
    [InlineData("\u0085")]
    [InlineData("\u2028")]
    [InlineData("\u202e")]
    [InlineData("\U000e0041")]
    public void A_character_that_changes_a_terminal_is_found_in_a_message(string message)
    {
        Action check = () => Require.Message($"the server said {message}");

        check.Should().Throw<FuzzFault>().Which.Rule.Should().Be("a message has no control or format character");
    }

    [Fact]
    public void A_secret_is_found_in_a_message()
    {
        Action check = static () => Require.Hidden("s3cr3t", "refused: s3cr3t");

        check.Should().Throw<FuzzFault>();
    }

    [Fact]
    public async Task The_same_seed_runs_the_same_inputs()
    {
        (await Inputs(1)).Should().Equal(await Inputs(1));
        (await Inputs(1)).Should().NotEqual(await Inputs(2));

        static async Task<List<string>> Inputs(int seed)
        {
            var inputs = new List<string>();
            var target = new PlantedTarget(input => inputs.Add(Convert.ToHexString(input.Bytes)));
            await new Campaign(target, [Start], seed).RunAsync(static (mutations, _) => mutations < 200);
            return inputs;
        }
    }

    [Fact]
    public async Task An_input_that_reaches_something_new_is_mutated_further()
    {
        int runs = 0;
        var campaign = new Campaign(new PlantedTarget(_ => runs++), [Start], seed: 1) { HasNewCoverage = () => runs == 10 };

        await campaign.RunAsync(static (mutations, _) => mutations < 50);

        campaign.Inputs.Should().Be(2);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0001ff")]
    [InlineData("7b2261223a2231227d0a")]
    [InlineData("41424344274142434422414243440041")]
    public void Bytes_come_back_from_the_file_that_they_were_written_to(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);

        InputFile.Parse(InputFile.Format(bytes)).Should().Equal(bytes);
    }

    [Fact]
    public void A_file_of_bytes_has_digits_texts_and_comments()
    {
        InputFile.Parse("# a frame\n82 03 # its head\n\"a'\" '\"'").Should().Equal(0x82, 3, (byte)'a', (byte)'\'', (byte)'"');
    }

    private sealed class PlantedTarget(Func<FuzzInput, Task> run) : FuzzTarget
    {
        public PlantedTarget(Action<FuzzInput> run)
            : this(input =>
            {
                run(input);
                return Task.CompletedTask;
            })
        {
        }

        public override Task RunAsync(FuzzInput input) => run(input);
    }
}
