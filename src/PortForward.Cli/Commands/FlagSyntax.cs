using System.CommandLine;
using System.Globalization;
using PortForward.Cluster;

namespace PortForward.Cli.Commands;

/// <summary>
/// The way kubectl's flags are written (Go's pflag), turned into tokens that leave System.CommandLine no choice: there an unknown
/// option is swallowed as an argument, an empty value takes the next argument, and a repeated option is an error.
/// </summary>
internal static class FlagSyntax
{
    /// <summary>Rewrites arguments so that every flag is one token <c>--name=value</c>, and the positional arguments follow <c>--</c>.</summary>
    /// <param name="arguments">The program's arguments.</param>
    /// <param name="options">The flags there are.</param>
    /// <param name="command">The words of a command to run, if there is one.</param>
    /// <exception cref="UsageException">A flag is unknown or lacks its value.</exception>
    public static IReadOnlyList<string> Normalize(IReadOnlyList<string> arguments, IEnumerable<Option> options, out IReadOnlyList<string> command)
    {
        command = [];
        Dictionary<string, Option> byName = ByName(options);
        var flags = new List<(Option Option, string Value)>();
        var positional = new List<string>();
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            if (argument == "--")
            {
                string[] behind = [.. arguments.Skip(i + 1)];
                int targets = flags.Exists(static flag => flag.Option.Name == ForwardFlags.SelectorName) ? 1 : 0;
                if (CommandWords.AreCommand(behind) && CommandWords.MayFollow(positional, targets))
                {
                    command = behind;
                }
                else
                {
                    positional.AddRange(behind);
                }

                break;
            }

            if (argument.StartsWith("--", StringComparison.Ordinal))
            {
                ReadLong(argument);
            }
            else if (argument.Length > 1 && argument[0] == '-')
            {
                ReadShort(argument);
            }
            else
            {
                positional.Add(argument);
            }

            string NextArgument(string message) => ++i < arguments.Count ? arguments[i] : throw new UsageException(message);

            void ReadLong(string flag)
            {
                if (flag[2] is '-' or '=')
                {
                    throw new UsageException($"bad flag syntax: {flag}");
                }

                int equals = flag.IndexOf('=');
                string name = equals < 0 ? flag : flag[..equals];
                Option option = byName.GetValueOrDefault(name) ?? throw Unknown(name, byName.Keys);
                flags.Add((option, equals >= 0 ? flag[(equals + 1)..]
                    : IsSwitch(option) ? "true"
                    : NextArgument($"flag needs an argument: {name}")));
            }

            void ReadShort(string cluster)
            {
                // "-vn x" would be two flags, "-n=x" and "-nx" are one with its value.
                for (int at = 1; at < cluster.Length; at++)
                {
                    Option option = byName.GetValueOrDefault($"-{cluster[at]}")
                        ?? throw new UsageException($"unknown shorthand flag: '{cluster[at]}' in -{cluster[at..]}");
                    string rest = cluster[(at + 1)..];
                    if (rest.StartsWith('='))
                    {
                        flags.Add((option, rest[1..]));
                        return;
                    }

                    if (IsSwitch(option))
                    {
                        flags.Add((option, "true"));
                        continue;
                    }

                    flags.Add((option, rest.Length > 0 ? rest : NextArgument($"flag needs an argument: '{cluster[at]}' in -{cluster[at..]}")));
                    return;
                }
            }
        }

        return [.. LastWins(flags), "--", .. positional];
    }

    private static UsageException Unknown(string name, IEnumerable<string> known) => new(
        Nearest.Of(name, known.Where(static flag => flag.StartsWith("--", StringComparison.Ordinal))) is { } near ? $"unknown flag: {name} (did you mean {near}?)" : $"unknown flag: {name}");

    private static Dictionary<string, Option> ByName(IEnumerable<Option> options)
    {
        var byName = new Dictionary<string, Option>(StringComparer.Ordinal);
        foreach (Option option in options)
        {
            byName[option.Name] = option;
            foreach (string alias in option.Aliases)
            {
                byName[alias] = option;
            }
        }

        return byName;
    }

    /// <summary>A flag that may be given without a value, and never takes the next argument for one.</summary>
    private static bool IsSwitch(Option option) => option.ValueType == typeof(bool) || option.Arity.MaximumNumberOfValues == 0;

    private static IEnumerable<string> LastWins(List<(Option Option, string Value)> flags)
    {
        for (int i = 0; i < flags.Count; i++)
        {
            (Option option, string value) = flags[i];
            bool list = option.Arity.MaximumNumberOfValues > 1;
            if (!list && flags.FindIndex(i + 1, later => later.Option == option) >= 0)
            {
                continue;
            }

            if (option.Arity.MaximumNumberOfValues == 0)
            {
                yield return option.Name;
            }
            else if (value.Length == 0 && (list || option.ValueType == typeof(string)))
            {
                yield return option.Name;
                yield return value;
            }
            else
            {
                yield return $"{option.Name}={Checked(option, value)}";
            }
        }
    }

    /// <summary>
    /// A value in the form that System.CommandLine takes; there <c>--flag=F</c> would be the flag set and an argument <c>F</c> after it.
    /// </summary>
    private static string Checked(Option option, string value)
    {
        if (option.ValueType == typeof(bool))
        {
            // Go's strconv.ParseBool.
            return value switch
            {
                "1" or "t" or "T" or "true" or "TRUE" or "True" => "true",
                "0" or "f" or "F" or "false" or "FALSE" or "False" => "false",
                _ => throw Invalid("true or false is expected"),
            };
        }

        return option.ValueType != typeof(int) || int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
            ? value
            : throw Invalid("a whole number is expected");

        UsageException Invalid(string expected) =>
            new($"invalid argument \"{value}\" for \"{string.Join(", ", option.Aliases.Append(option.Name))}\" flag: {expected}");
    }
}
