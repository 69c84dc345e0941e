using System.Diagnostics;
using System.Reflection;
using System.Text;

namespace PortForward.Fuzzing.Engine;

/// <summary>A fault, and the input that shows it.</summary>
/// <param name="Fault">What was thrown.</param>
/// <param name="Input">The input.</param>
internal sealed record Finding(Exception Fault, FuzzInput Input)
{
    private const int MaxLine = 2000;

    /// <summary>Tells one fault from another: the broken rule; or the exception and the method that let it out.</summary>
    public string Signature => Fault is FuzzFault broken ? broken.Rule : $"{Fault.GetType().Name} in {Culprit()}";

    /// <summary>The fault with all that it takes to see it again.</summary>
    /// <param name="target">What was run.</param>
    public string Describe(FuzzTarget target) => new StringBuilder()
        .AppendLine($"{target}: {Signature}")
        .AppendLine($"To keep the input as a test, write this into tests/PortForward.Fuzzing/Corpus/{target}/NAME.hex:")
        .AppendLine(InputFile.Format(Input.Bytes))
        .AppendJoin('\n', Fault.ToString().Split('\n').Select(line => UntrustedText.Escaped(line, MaxLine)))
        .ToString();

    /// <summary>The innermost method of the code under test.</summary>
    private string Culprit()
    {
        for (Exception? e = Fault; e is not null; e = e.InnerException)
        {
            MethodBase? method = new StackTrace(e).GetFrames().Select(frame => frame.GetMethod()).FirstOrDefault(IsUnderTest);
            if (method is not null)
            {
                return $"{Outermost(method.DeclaringType!).Name}";
            }
        }

        return "the runtime";
    }

    private static bool IsUnderTest(MethodBase? method) =>
        method?.DeclaringType?.Namespace is { } name && name.StartsWith("PortForward", StringComparison.Ordinal) && !name.StartsWith("PortForward.Fuzzing", StringComparison.Ordinal);

    /// <summary>State machines and lambdas are classes inside of the one that was written.</summary>
    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;
}
